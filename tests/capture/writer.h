// Writer: the application of a capture test, a process of its own with connections to one SQLite file. It can
// be killed at any time, as applications are. Every answer is waited for with a deadline. One thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace syncnode::capture {

class Writer {
 public:
  Writer() { start(); }
  ~Writer() { kill(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Each gives the error, or nothing. `connection`: 0 to 3.
  std::string open(int connection, const std::string& path);
  std::string execute(int connection, std::string_view sql);
  std::string close(int connection);
  // SIGKILL; the next call finds a new process without connections.
  void kill();

  // The other side of it: what main() does when it was started with kArgument.
  static constexpr char kArgument[] = "--writer";
  static int serve();

 private:
  void start();
  std::string ask(char verb, int connection, std::string_view text);

  pid_t process_ = -1;
  int socket_ = -1;
};

}  // namespace syncnode::capture
