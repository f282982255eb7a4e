// Reading a policy, of a file or of one client, with all its mistakes at once.
#include <fmt/format.h>

#include "conflict/policy.h"
#include "conflict/strict_object.h"
#include "json/strict.h"

namespace syncnode::conflict {
namespace {

using config::Problems;

constexpr int64_t kLongestDays = 3650;
constexpr int64_t kLongestHours = 87600;
constexpr int64_t kLargestImage = int64_t{1} << 30;
constexpr int64_t kHighestThreshold = 1000000;

bool compares(Strategy strategy) {
  return strategy == Strategy::kNewestWins || strategy == Strategy::kMerge;
}

class PolicyReader {
 public:
  PolicyReader(Policy start, Problems& problems) : policy_(std::move(start)), problems_(problems) {}

  Policy read(const Json& document, const std::string& path) {
    StrictObject inner(document, path, problems_);
    inner.allow_only({"default_strategy", "default_compare_field", "table_strategies", "resolution_log",
                      "notification", "advanced_options"});
    if (auto field = inner.name_text("default_compare_field")) policy_.default_compare_field = *field;
    // One that is there and wrong was just reported; once is enough.
    has_default_field_ = !policy_.default_compare_field.empty() || inner.member("default_compare_field");
    if (auto strategy = inner.word("default_strategy", kStrategies)) read_default(inner, *strategy);
    section(inner, "table_strategies", [&](StrictObject& tables) {
      for (const auto& [name, entry] : tables.members().items()) read_table(tables, name, entry);
    });
    section(inner, "resolution_log", [&](StrictObject& log) { read_log(log); });
    section(inner, "notification", [&](StrictObject& notification) { read_notification(notification); });
    section(inner, "advanced_options", [&](StrictObject& options) { read_options(options); });
    return std::move(policy_);
  }

 private:
  template <typename Reading>
  void section(StrictObject& inner, std::string_view name, const Reading& reading) {
    const Json* value = inner.member(name);
    if (value == nullptr) return;
    StrictObject object(*value, inner.path_of(name), problems_);
    reading(object);
  }

  void read_default(StrictObject& inner, Strategy strategy) {
    const std::string path = inner.path_of("default_strategy");
    if (strategy == Strategy::kMerge) {
      inner.refuse(path, "merge needs rules, and rules belong to a table",
                   "give the tables it is for an entry in table_strategies with their merge_rules");
    } else if (compares(strategy) && !has_default_field_) {
      inner.refuse(path, "newest_wins has no field to compare", "add default_compare_field, e.g. updated_at");
    }
    policy_.default_strategy = strategy;
  }

  void read_table(StrictObject& tables, const std::string& name, const Json& value) {
    const std::string path = tables.path_of(name);
    if (is_blank(name)) tables.refuse(path, "a table has no name", "write the table's name as in the client");
    StrictObject object(value, path, problems_);
    object.allow_only({"strategy", "compare_field", "merge_rules"});
    Policy::TableEntry entry;
    if (value.is_object() && object.member("strategy") == nullptr) {
      object.refuse(path, "has no strategy", "add \"strategy\", or remove the table to use the default");
    }
    const auto strategy = object.word("strategy", kStrategies);
    entry.strategy = strategy.value_or(Strategy::kManual);
    if (auto field = object.name_text("compare_field")) entry.compare_field = *field;
    const Json* rules = object.member("merge_rules");
    if (rules != nullptr) {
      entry.merge_rules = read_rules(StrictObject(*rules, object.path_of("merge_rules"), problems_));
    }
    if (strategy) check_table(object, path, *strategy, rules);
    policy_.tables.insert_or_assign(name, std::move(entry));
  }

  void check_table(StrictObject& object, const std::string& path, Strategy strategy, const Json* rules) {
    const std::string_view word = to_string(strategy);
    const bool has_field = object.member("compare_field") != nullptr || has_default_field_;
    if (compares(strategy) && !has_field) {
      object.refuse(path, fmt::format("{} has no field to compare", word),
                    "add compare_field here, or default_compare_field for all tables");
    }
    if (!compares(strategy) && object.member("compare_field") != nullptr) {
      object.refuse(object.path_of("compare_field"), fmt::format("{} compares nothing", word), "remove it");
    }
    if (strategy == Strategy::kMerge && (rules == nullptr || (rules->is_object() && rules->empty()))) {
      object.refuse(path, "merge has no rules", "add merge_rules, or use newest_wins");
    }
    if (strategy != Strategy::kMerge && rules != nullptr) {
      object.refuse(object.path_of("merge_rules"), fmt::format("{} uses no rules", word),
                    "remove them, or use the strategy merge");
    }
  }

  std::vector<MergeRule> read_rules(StrictObject object) {
    std::vector<MergeRule> out;
    for (const auto& [path, word] : object.members().items()) {
      const std::string place = object.path_of(path);
      if (has_empty_part(path)) {
        object.refuse(place, "a part of the path is empty", "write column or column.member.member");
      }
      if (const std::string* above = rule_above(object.members(), path)) {
        object.refuse(place, fmt::format("lies inside '{}', which has a rule too", *above),
                      "keep the rule of one of them");
      }
      if (auto rule = object.word_of(word, place, kFieldRules)) out.push_back({path, *rule});
    }
    return out;
  }

  static bool has_empty_part(const std::string& path) {
    return is_blank(path) || path.front() == '.' || path.back() == '.' ||
           path.find("..") != std::string::npos;
  }

  static const std::string* rule_above(const Json& rules, const std::string& path) {
    for (const auto& [name, rule] : rules.get_ref<const Json::object_t&>()) {
      if (!name.empty() && path.size() > name.size() && path.starts_with(name) && path[name.size()] == '.') {
        return &name;
      }
    }
    return nullptr;
  }

  void read_log(StrictObject& log) {
    log.allow_only({"enabled", "retention_days", "include_data_snapshot"});
    auto& out = policy_.resolution_log;
    if (auto enabled = log.boolean("enabled")) out.enabled = *enabled;
    if (auto days = log.whole_number("retention_days", 1, kLongestDays)) {
      out.retention = std::chrono::days(*days);
    }
    if (auto include = log.boolean("include_data_snapshot")) out.include_data_snapshot = *include;
  }

  void read_notification(StrictObject& notification) {
    notification.allow_only({"enabled", "channels", "tables", "threshold_conflicts_per_hour"});
    auto& out = policy_.notification;
    if (auto enabled = notification.boolean("enabled")) out.enabled = *enabled;
    if (auto names = notification.names("channels")) {
      out.channels.clear();
      for (const auto& name : *names) {
        if (auto channel = notification.word_of(name, notification.path_of("channels"), kChannels)) {
          out.channels.push_back(*channel);
        }
      }
    }
    if (auto tables = notification.names("tables")) out.tables = *std::move(tables);
    if (auto number = notification.whole_number("threshold_conflicts_per_hour", 1, kHighestThreshold)) {
      out.threshold_conflicts_per_hour = static_cast<int>(*number);
    }
  }

  void read_options(StrictObject& options) {
    options.allow_only({"auto_merge_max_age_hours", "max_base_image_bytes"});
    auto& out = policy_.advanced;
    if (auto hours = options.whole_number("auto_merge_max_age_hours", 1, kLongestHours)) {
      out.auto_merge_max_age = std::chrono::hours(*hours);
    }
    if (auto bytes = options.whole_number("max_base_image_bytes", 0, kLargestImage)) {
      out.max_base_image_bytes = *bytes;
    }
  }

  Policy policy_;
  Problems& problems_;
  bool has_default_field_ = false;
};

constexpr std::string_view kRoot = "conflict_resolution";

}  // namespace

Result<Policy> read_policy(std::string_view text) {
  SN_ASSIGN(const Json document, json::parse_strict(text));
  Problems problems;
  StrictObject file(document, "", problems);
  file.allow_only({kRoot});
  const Json* inner = file.member(kRoot);
  Policy policy;
  if (inner != nullptr) {
    if (inner->is_object() && !inner->contains("default_strategy")) {
      problems.add(fmt::format("{}.default_strategy: is missing", kRoot),
                   "say what holds for tables without an entry of their own, e.g. newest_wins");
    }
    policy = PolicyReader({}, problems).read(*inner, std::string(kRoot));
  } else if (document.is_object()) {
    problems.add(fmt::format("{}: is missing", kRoot), "put the whole policy under this one key");
  }
  if (!problems.empty()) return problems.to_error();
  return policy;
}

Result<Policy> overlaid(const Policy& base, std::string_view text, std::string_view path) {
  auto document = json::parse_strict(text);
  if (!document) return std::move(document).error().with_context(path);
  Problems problems;
  Policy policy = PolicyReader(base, problems).read(*document, std::string(path));
  if (!problems.empty()) return problems.to_error();
  return policy;
}

}  // namespace syncnode::conflict
