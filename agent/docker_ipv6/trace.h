// The one message that a run which changed something leaves in the journal: which keys, for whom, and what
// came of it. One thread.
#pragma once

#include <string>
#include <vector>

namespace syncnode::docker_ipv6 {

inline constexpr char kMessageId[] = "06e650c9681643f1a49d92def1b12f89";

class Trace {
 public:
  explicit Trace(std::string verb) : verb_(std::move(verb)) {}

  void key(const std::string& key) { keys_.push_back(key); }
  void outcome(std::string words) { outcome_ = std::move(words); }
  void to_journal() const;

 private:
  std::string verb_, outcome_;
  std::vector<std::string> keys_;
};

}  // namespace syncnode::docker_ipv6
