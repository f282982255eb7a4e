#include "conflict/policy.h"

#include "conflict/built_in_policy.h"
#include "conflict/words.h"

namespace syncnode::conflict {
namespace {

bool compares(Strategy strategy) {
  return strategy == Strategy::kNewestWins || strategy == Strategy::kMerge;
}

Json rules_to_json(const std::vector<MergeRule>& rules) {
  Json out = Json::object();
  for (const auto& rule : rules) out[rule.path] = to_string(rule.rule);
  return out;
}

Json entry_to_json(const Policy::TableEntry& entry) {
  Json out = {{"strategy", to_string(entry.strategy)}};
  if (!entry.compare_field.empty()) out["compare_field"] = entry.compare_field;
  if (!entry.merge_rules.empty()) out["merge_rules"] = rules_to_json(entry.merge_rules);
  return out;
}

Json notification_to_json(const Notification& notification) {
  Json out = {{"enabled", notification.enabled}, {"channels", Json::array()}};
  for (Channel channel : notification.channels) out["channels"].push_back(word_for(kChannels, channel));
  if (!notification.tables.empty()) out["tables"] = notification.tables;
  if (notification.threshold_conflicts_per_hour) {
    out["threshold_conflicts_per_hour"] = *notification.threshold_conflicts_per_hour;
  }
  return out;
}

}  // namespace

std::string_view to_string(Strategy strategy) {
  return word_for(kStrategies, strategy);
}

std::string_view to_string(FieldRule rule) {
  return word_for(kFieldRules, rule);
}

TablePolicy Policy::effective(std::string_view table) const {
  TableEntry entry{default_strategy, "", {}};
  if (auto found = tables.find(table); found != tables.end()) entry = found->second;
  TablePolicy out;
  out.strategy = entry.strategy;
  if (compares(entry.strategy)) {
    out.compare_field = entry.compare_field.empty() ? default_compare_field : entry.compare_field;
  }
  if (entry.strategy == Strategy::kMerge) {
    out.merge_rules = std::move(entry.merge_rules);
    out.auto_merge_max_age = advanced.auto_merge_max_age;
  }
  return out;
}

const Policy& built_in_policy() {
  static const Policy kPolicy = read_policy(kBuiltInPolicy).value();
  return kPolicy;
}

std::string_view built_in_policy_text() {
  return kBuiltInPolicy;
}

Json to_json(const Policy& policy) {
  Json tables = Json::object();
  for (const auto& [name, entry] : policy.tables) tables[name] = entry_to_json(entry);
  Json inner = {{"default_strategy", to_string(policy.default_strategy)}};
  if (!policy.default_compare_field.empty()) inner["default_compare_field"] = policy.default_compare_field;
  inner["table_strategies"] = std::move(tables);
  inner["resolution_log"] = {{"enabled", policy.resolution_log.enabled},
                             {"retention_days", policy.resolution_log.retention.count()},
                             {"include_data_snapshot", policy.resolution_log.include_data_snapshot}};
  inner["notification"] = notification_to_json(policy.notification);
  Json advanced = Json::object();
  if (policy.advanced.auto_merge_max_age) {
    advanced["auto_merge_max_age_hours"] = policy.advanced.auto_merge_max_age->count();
  }
  advanced["max_base_image_bytes"] = policy.advanced.max_base_image_bytes;
  inner["advanced_options"] = std::move(advanced);
  return {{"conflict_resolution", std::move(inner)}};
}

Json to_json(const TablePolicy& policy) {
  Json out = {{"strategy", to_string(policy.strategy)}};
  if (!policy.compare_field.empty()) out["compare_field"] = policy.compare_field;
  if (!policy.merge_rules.empty()) out["merge_rules"] = rules_to_json(policy.merge_rules);
  if (policy.auto_merge_max_age) out["auto_merge_max_age_hours"] = policy.auto_merge_max_age->count();
  return out;
}

}  // namespace syncnode::conflict
