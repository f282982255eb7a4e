#include "docker_ipv6/record.h"

#include <fmt/format.h>

#include <algorithm>

#include "docker_ipv6/plan.h"
#include "json/known.h"
#include "json/strict.h"

namespace syncnode::docker_ipv6 {
namespace {

bool is_ours(const std::string& key) {
  return std::ranges::any_of(kKeys, [&](const char* ours) { return key == ours; });
}

Error unreadable(std::string_view why) {
  return {ErrorCode::kFailedPrecondition, fmt::format("the record of what was changed {}", why),
          "remove the keys from daemon.json by hand, and daemon.json.sync-node.json beside it"};
}

Result<Change> parse_change(const json::Json& entry) {
  auto key = json::string_member(entry, "key");
  auto after = json::string_member(entry, "after");
  if (!key || !after || !is_ours(*key)) return unreadable("names what this program never writes");
  return Change{*std::move(key), json::string_member(entry, "before"), *std::move(after)};
}

}  // namespace

std::string to_text(const Record& record) {
  json::Json document;
  document["version"] = 1;
  document["created"] = record.created;
  document["changes"] = json::Json::array();
  for (const Change& change : record.changes) {
    document["changes"].push_back(
        {{"key", change.key}, {"before", json::known(change.before)}, {"after", change.after}});
  }
  return json::to_pretty_text(document);
}

Result<Record> parse_record(std::string_view text) {
  const auto document = json::parse_strict(text);
  if (!document || json::integer_member(*document, "version") != 1) return unreadable("cannot be read");
  const auto changes = document->find("changes");
  const auto created = document->find("created");
  if (changes == document->end() || !changes->is_array() || created == document->end() ||
      !created->is_boolean()) {
    return unreadable("cannot be read");
  }
  Record record{created->get<bool>(), {}};
  for (const auto& entry : *changes) {
    SN_ASSIGN(auto change, parse_change(entry));
    record.changes.push_back(std::move(change));
  }
  return record;
}

bool in_effect(const Record& record, std::string_view text) {
  return std::ranges::any_of(
      record.changes, [&](const Change& change) { return value_text(text, change.key) == change.after; });
}

Record joined(const Record& earlier, const std::vector<Change>& later) {
  Record all = earlier;
  for (const Change& change : later) {
    const auto known = std::ranges::find(all.changes, change.key, &Change::key);
    if (known == all.changes.end()) {
      all.changes.push_back(change);
    } else {
      known->after = change.after;
    }
  }
  return all;
}

}  // namespace syncnode::docker_ipv6
