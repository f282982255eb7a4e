// Child: a process of a test, with a pipe to its standard input and from its standard output. Killed and
// reaped when the object goes, and by the kernel when the test dies. Throws std::runtime_error (tests only).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace syncnode::test {

class Child {
 public:
  // Standard error goes where the caller's goes, or to the file.
  explicit Child(const std::vector<std::string>& arguments, const std::string& error_file = "");
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const;  // SIGSTOP: returns when the process stands still
  void kill_and_wait();
  void say(const std::string& line) const;  // to its standard input
  std::string line();                       // of its standard output; "" at the end

 private:
  pid_t pid_ = -1;
  UniqueFd in_, out_;
};

}  // namespace syncnode::test
