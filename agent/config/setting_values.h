// SettingValues: the raw text of every key after the sources were laid over each other, and readers that turn
// it into typed values while collecting problems. Only settings.cpp uses it. One thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "config/problems.h"
#include "config/settings.h"

namespace syncnode::config {

class SettingValues {
 public:
  struct Value {
    std::string text, origin;
  };

  // Reads every source; problems of files (unreadable, unknown keys, syntax) go to `problems`.
  static SettingValues gather(const SettingsSources& sources, Problems& problems);

  // An empty value counts as not given. Falls back to the default of kSettingKeys.
  Value get(std::string_view key) const;
  // Of two names for one thing: the one of the stronger source. Different values in one source are a problem.
  std::optional<Value> either(std::string_view name, std::string_view other_name, Problems& problems) const;
  // A whole number in [least, most]; 0 and a problem otherwise. `unit` is for people: "seconds", "rows".
  int64_t number(std::string_view key, int64_t least, int64_t most, std::string_view unit,
                 Problems& problems) const;

 private:
  struct Layer {
    std::string origin;
    std::map<std::string, std::string, std::less<>> values;
  };
  void read_file(const std::string& path, Problems& problems);
  std::vector<Layer> layers_;  // the strongest first
};

}  // namespace syncnode::config
