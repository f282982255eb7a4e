// Programs: the host's own programs that deploy runs, by their full names: systemctl for the two units, and
// the one that edits Docker's configuration. No shell, no PATH, an environment of their own, a deadline;
// what they said is part of the error. Another folder may stand in for the installed ones. One thread.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace syncnode::deploy {

struct Ran {
  int code = 0;
  std::string output;  // both streams, as they came
};

// kNotFound when there is no such program, kDeadlineExceeded (it is killed) when it did not end in time.
Result<Ran> run_program(const std::string& path, const std::vector<std::string>& arguments,
                        Deadline deadline);

class Programs {
 public:
  explicit Programs(std::string folder);  // "": those that are installed

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
