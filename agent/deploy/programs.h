// Programs: the host's own programs that deploy runs, by their full names: systemctl for the two units, and
// the one that edits Docker's configuration, each within minutes; what they said is part of the error.
// Another folder may stand in for the installed ones. One thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace syncnode::deploy {

class Programs {
 public:
  explicit Programs(const std::string& folder);  // "": those that are installed

  Result<bool> enabled(char node) const;
  Result<bool> active(char node) const;
  Status enable() const;  // both
  Status start(char node) const;
  Status restart(char node) const;                 // returns when it is ready
  Status stop_and_disable() const;                 // both
  Result<std::string> enable_docker_ipv6() const;  // what it said

 private:
  Result<int> ask(const char* verb, char node) const;
  Status systemctl(std::vector<std::string> arguments, const char* next) const;
  std::string systemctl_, docker_;
};

}  // namespace syncnode::deploy
