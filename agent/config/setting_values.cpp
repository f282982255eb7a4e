#include "config/setting_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/database_url.h"
#include "config/env_file.h"
#include "config/nearest_word.h"
#include "config/setting_keys.h"
#include "config/small_file.h"

namespace syncnode::config {
namespace {

std::vector<std::string> key_names() {
  std::vector<std::string> names;
  for (const auto& key : kSettingKeys) names.emplace_back(key.name);
  return names;
}

void refuse_unknown(const EnvEntry& entry, const std::string& path, Problems& problems) {
  std::string near = nearest_word(entry.key, key_names());
  problems.add(
      fmt::format("{} line {} sets '{}', which is not a key of sync-node", path, entry.line, entry.key),
      near.empty() ? "remove the line" : fmt::format("did you mean {}?", near));
}

}  // namespace

void SettingValues::read_file(const std::string& path, Problems& problems) {
  auto text = read_small_file(path);
  if (!text) {
    problems.add(text.error().message, text.error().hint.empty() ? "check the file" : text.error().hint);
    return;
  }
  Layer layer{path, {}};
  auto names = key_names();
  bool secret = false;
  for (auto& entry : parse_env(*text, path, problems)) {
    if (std::find(names.begin(), names.end(), entry.key) == names.end()) {
      refuse_unknown(entry, path, problems);
      continue;
    }
    auto url = parse_database_url(entry.value);
    secret = secret || (url && url->holds_secret());
    layer.values.emplace(std::move(entry.key), std::move(entry.value));
  }
  if (secret) {
    auto checked = check_private(path, Readers::kOwnerAndGroup);
    if (!checked) problems.add(checked.error().message, checked.error().hint);
  }
  layers_.push_back(std::move(layer));
}

SettingValues SettingValues::gather(const SettingsSources& sources, Problems& problems) {
  SettingValues gathered;
  Layer environment{"environment", {}};
  for (const auto& [key, value] : sources.environment) environment.values.emplace(key, value);
  gathered.layers_.push_back(std::move(environment));
  for (const auto& file : sources.env_files) gathered.read_file(file, problems);
  std::reverse(std::next(gathered.layers_.begin()), gathered.layers_.end());
  return gathered;
}

SettingValues::Value SettingValues::get(std::string_view key) const {
  for (const auto& layer : layers_) {
    auto found = layer.values.find(key);
    if (found != layer.values.end() && !found->second.empty()) return {found->second, layer.origin};
  }
  for (const auto& known : kSettingKeys) {
    if (known.name == key) return {known.fallback, "default"};
  }
  return {"", "default"};
}

std::optional<SettingValues::Value> SettingValues::either(std::string_view name, std::string_view other_name,
                                                          Problems& problems) const {
  for (const auto& layer : layers_) {
    auto first = layer.values.find(name);
    auto second = layer.values.find(other_name);
    bool has_first = first != layer.values.end() && !first->second.empty();
    bool has_second = second != layer.values.end() && !second->second.empty();
    if (has_first && has_second && first->second != second->second) {
      problems.add(fmt::format("{} and {} differ ({})", name, other_name, layer.origin),
                   "they are two names for one thing: set one of them");
    }
    if (has_first) return Value{first->second, layer.origin};
    if (has_second) return Value{second->second, layer.origin};
  }
  return std::nullopt;
}

int64_t SettingValues::number(std::string_view key, int64_t least, int64_t most, std::string_view unit,
                              Problems& problems) const {
  auto value = get(key);
  int64_t number = 0;
  const char* end = value.text.data() + value.text.size();
  auto [stopped, error] = std::from_chars(value.text.data(), end, number);
  if (error == std::errc() && stopped == end && number >= least && number <= most) return number;
  std::string_view fallback;
  for (const auto& known : kSettingKeys) {
    if (known.name == key) fallback = known.fallback;
  }
  problems.add(fmt::format("{}='{}' ({}) is not a whole number from {} to {}", key, value.text, value.origin,
                           least, most),
               fmt::format("it counts {}; the default is {}", unit, fallback));
  return 0;
}

}  // namespace syncnode::config
