// Damage: spoils a file, its log or its wal-index at random for as long as it lives, then puts the bytes
// back. Nobody else writes meanwhile. One thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model_table.h"

namespace syncnode::capture {

class Damage {
 public:
  Damage(const std::string& path, Random& random);
  ~Damage();
  Damage(const Damage&) = delete;
  Damage& operator=(const Damage&) = delete;
  const std::string& what() const { return what_; }
  bool is_of(std::string_view suffix) const { return suffix_ == suffix; }
  size_t first() const { return first_; }  // all bytes before are whole

 private:
  void spoil(std::string& bytes, Random& random);

  std::string suffix_;
  std::string what_;
  size_t first_ = 0;
  std::vector<std::pair<std::string, std::string>> whole_;  // path, content
};

}  // namespace syncnode::capture
