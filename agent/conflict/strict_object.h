// StrictObject: reads the members of one JSON object an operator wrote and notes every mistake with its path.
// A member that is wrong reads as absent, so that the reading goes on and finds the others. Refuses defaults:
// the caller has them. Borrows the document and the problems. One thread.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problems.h"
#include "conflict/words.h"
#include "json/json.h"

namespace syncnode::conflict {

class StrictObject {
 public:
  // A value that is no object is a problem, and an object without members.
  StrictObject(const Json& value, std::string path, config::Problems& problems);

  // Every other name is a problem. Call it once.
  void allow_only(std::initializer_list<std::string_view> names);

  const Json* member(std::string_view name) const;  // nullptr: absent
  const Json& members() const { return *object_; }  // an object, always
  std::string path_of(std::string_view name) const;

  std::optional<bool> boolean(std::string_view name);
  std::optional<int64_t> whole_number(std::string_view name, int64_t least, int64_t most);
  std::optional<std::string> name_text(std::string_view name);  // neither empty nor blank
  std::optional<std::vector<std::string>> names(std::string_view name);

  template <typename Meaning, size_t kCount>
  std::optional<Meaning> word(std::string_view name, const Words<Meaning, kCount>& words) {
    const Json* value = member(name);
    return value == nullptr ? std::nullopt : word_of(*value, path_of(name), words);
  }

  template <typename Meaning, size_t kCount>
  std::optional<Meaning> word_of(const Json& value, const std::string& path,
                                 const Words<Meaning, kCount>& words) {
    std::vector<std::string> known;
    for (const auto& [word, meaning] : words) {
      if (value.is_string() && value.get_ref<const std::string&>() == word) return meaning;
      known.emplace_back(word);
    }
    refuse_word(value, path, known);
    return std::nullopt;
  }

  void refuse(const std::string& path, std::string_view what, std::string cure);

 private:
  void refuse_word(const Json& value, const std::string& path, const std::vector<std::string>& known);

  const Json* object_;
  const std::string path_;
  config::Problems& problems_;
};

bool is_blank(std::string_view text);

}  // namespace syncnode::conflict
