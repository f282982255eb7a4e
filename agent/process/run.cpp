#include "process/run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/unique_fd.h"

namespace syncnode::process {
namespace {

constexpr size_t kMostOutput = 1u << 20;

Error cannot_run(const std::string& program, int code) {
  return {code == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
          fmt::format("'{}' cannot be run: {}", program, std::strerror(code)), ""};
}

// As execve(2) wants them; they point into `words`.
std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What the child is born with; owns the two structures of posix_spawn(3).
class Birth {
 public:
  explicit Birth(int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  Birth(const Birth&) = delete;
  Birth& operator=(const Birth&) = delete;
  ~Birth() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  int spawn(pid_t& child, std::vector<std::string> words) {
    auto arguments = pointers_to(words);
    std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", language = "LC_ALL=C";
    char* environment[] = {path.data(), language.data(), nullptr};
    return ::posix_spawn(&child, arguments[0], &actions_, &attributes_, arguments.data(), environment);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// Until every writer of the pipe is gone; false at the deadline.
bool read_all(int pipe, std::string& output, Deadline deadline) {
  while (true) {
    pollfd watched{pipe, POLLIN, 0};
    const int ready = ::poll(&watched, 1, poll_milliseconds(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    char buffer[8192];
    const ssize_t got = ::read(pipe, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    output.append(buffer, std::min(static_cast<size_t>(got), kMostOutput - output.size()));
  }
}

int end_of(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Result<Finished> run(const std::vector<std::string>& words, Deadline deadline) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return cannot_run(words[0], errno);
  UniqueFd reading(ends[0]), writing(ends[1]);
  pid_t child = 0;
  if (const int code = Birth(writing.get()).spawn(child, words); code != 0) return cannot_run(words[0], code);
  writing.reset();
  Finished finished;
  const bool in_time = read_all(reading.get(), finished.output, deadline);
  if (!in_time) ::kill(-child, SIGKILL);
  finished.exit_code = end_of(child);
  if (!in_time) {
    return Error{ErrorCode::kDeadlineExceeded, fmt::format("'{}' did not end in time", words[0]), ""};
  }
  return finished;
}

Result<int> run_in_foreground(const std::vector<std::string>& words) {
  std::vector<std::string> owned = words;
  auto arguments = pointers_to(owned);
  pid_t child = 0;
  const int code = ::posix_spawn(&child, arguments[0], nullptr, nullptr, arguments.data(), environ);
  if (code != 0) return cannot_run(words[0], code);
  // The terminal's signals reach the child as well; whoever was asked to wait for it does.
  auto* const interrupted = std::signal(SIGINT, SIG_IGN);
  auto* const quit = std::signal(SIGQUIT, SIG_IGN);
  const int ended = end_of(child);
  std::signal(SIGINT, interrupted);
  std::signal(SIGQUIT, quit);
  return ended;
}

}  // namespace syncnode::process
