// Policy: what an operator decided about rows that changed on both sides, as conflict-resolution.json says it
// (docs/CONFLICTS.md). Read as a whole: usable, or one error that lists every mistake with its place in the
// file and its cure. Refuses to know which tables and columns exist: a rule for a column that a table does
// not have is not used. Plain value, any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace syncnode::conflict {

using json::Json;

enum class Strategy { kNewestWins, kSourceWins, kTargetWins, kMerge, kManual };
enum class FieldRule { kAppend, kUnion, kNewestWins, kSourceWins, kTargetWins };

std::string_view to_string(Strategy strategy);  // as in the file: "newest_wins", …
std::string_view to_string(FieldRule rule);

// `path` is a column, or a column and the members of the JSON in it: "title", "chat.history.messages".
struct MergeRule {
  std::string path;
  FieldRule rule = FieldRule::kNewestWins;
  bool operator==(const MergeRule&) const = default;
};

// What holds for one table.
struct TablePolicy {
  Strategy strategy = Strategy::kNewestWins;
  std::string compare_field;           // "" where no time is compared
  std::vector<MergeRule> merge_rules;  // of kMerge; no path begins with another one
  std::optional<std::chrono::hours> auto_merge_max_age;
  bool operator==(const TablePolicy&) const = default;
};

struct ResolutionLog {
  bool enabled = true;  // false: only conflicts that wait for a person are recorded
  std::chrono::days retention{30};
  bool include_data_snapshot = true;
  bool operator==(const ResolutionLog&) const = default;
};

enum class Channel { kLog, kMetrics };

struct Notification {
  bool enabled = true;
  std::vector<Channel> channels{Channel::kLog, Channel::kMetrics};
  std::vector<std::string> tables;                  // empty: every table
  std::optional<int> threshold_conflicts_per_hour;  // of one client; nothing: no threshold
  bool operator==(const Notification&) const = default;
};

struct AdvancedOptions {
  std::optional<std::chrono::hours> auto_merge_max_age;
  int64_t max_base_image_bytes = 1 << 20;  // a bigger base is not kept; the row then merges without one
  bool operator==(const AdvancedOptions&) const = default;
};

struct Policy {
  // A table's own entry; what is not in it is the policy's.
  struct TableEntry {
    Strategy strategy = Strategy::kNewestWins;
    std::string compare_field;  // "": the default one
    std::vector<MergeRule> merge_rules;
    bool operator==(const TableEntry&) const = default;
  };

  Strategy default_strategy = Strategy::kNewestWins;
  std::string default_compare_field;  // "": none
  std::map<std::string, TableEntry, std::less<>> tables;
  ResolutionLog resolution_log;
  Notification notification;
  AdvancedOptions advanced;

  TablePolicy effective(std::string_view table) const;
  bool operator==(const Policy&) const = default;
};

// A whole file. kInvalidArgument lists every mistake, but a text that is no JSON, or that gives a member
// twice, only for its first one.
Result<Policy> read_policy(std::string_view text);

// One client's own policy: `text` is what stands under "conflict_resolution" in its configuration, laid over
// `base`. What it gives replaces what `base` says, a table's entry as a whole. `path` is where it stands, for
// the messages.
Result<Policy> overlaid(const Policy& base, std::string_view text, std::string_view path);

// The policy where there is no file: etc/conflict-resolution-default.json as it was when this was built.
const Policy& built_in_policy();
std::string_view built_in_policy_text();

// The shape of the file with every option written out, so that read_policy() reads the same from it.
Json to_json(const Policy& policy);
// {"strategy":…,"compare_field":…,"merge_rules":{…},"auto_merge_max_age_hours":…}; what a strategy does not
// use is left out.
Json to_json(const TablePolicy& policy);

}  // namespace syncnode::conflict
