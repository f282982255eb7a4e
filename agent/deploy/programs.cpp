#include "deploy/programs.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/unique_fd.h"

namespace syncnode::deploy {
namespace {

// A unit may take its whole start timeout; Docker restarts its containers.
constexpr std::chrono::minutes kPatience{5};
constexpr size_t kMostOutput = 64u << 10;

std::string unit_of(char node) {
  return fmt::format("sync-node@{}.service", node);
}

// As a posix_spawn(3) that reads nothing, and writes both streams to `output`.
Result<pid_t> spawn(const std::string& path, const std::vector<std::string>& arguments, int output) {
  std::vector<char*> words{const_cast<char*>(path.c_str())};
  for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  static char search[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  static char language[] = "LC_ALL=C.UTF-8";
  std::array<char*, 3> environment{search, language, nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  pid_t child = -1;
  const int code = ::posix_spawn(&child, path.c_str(), &actions, nullptr, words.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (code == 0) return child;
  return Error{code == ENOENT ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
               fmt::format("cannot run '{}': {}", path, std::strerror(code)), ""};
}

std::string all_of(int output) {
  std::string text(kMostOutput, '\0');
  const ssize_t got = ::pread(output, text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : static_cast<size_t>(got));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

// False: the deadline passed first.
bool ended_in_time(int process, Deadline deadline) {
  pollfd wait{process, POLLIN, 0};
  int ready = -1;
  do {
    ready = ::poll(&wait, 1, poll_milliseconds(deadline));
  } while (ready < 0 && errno == EINTR);
  return ready != 0;
}

}  // namespace

Result<Ran> run_program(const std::string& path, const std::vector<std::string>& arguments,
                        Deadline deadline) {
  const UniqueFd output(::memfd_create("output", MFD_CLOEXEC));
  if (!output.valid())
    return Error{ErrorCode::kResourceExhausted, "no descriptor for a program's output", ""};
  SN_ASSIGN(const pid_t child, spawn(path, arguments, output.get()));
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  const bool ended = ended_in_time(process.get(), deadline);
  if (!ended) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) {
    return Error{ErrorCode::kDeadlineExceeded, fmt::format("'{}' did not end in time", path),
                 all_of(output.get())};
  }
  return Ran{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), all_of(output.get())};
}

Programs::Programs(std::string folder)
    : systemctl_((folder.empty() ? "/usr/bin" : folder) + "/systemctl"),
      docker_((folder.empty() ? "/usr/libexec/sync-node" : folder) + "/docker-ipv6") {}

// systemctl's exit codes: 0 yes, anything else no; what cannot be asked at all is an error.
Result<int> Programs::ask(const char* verb, char node) const {
  SN_ASSIGN(const Ran ran, run_program(systemctl_, {verb, "--quiet", unit_of(node)}, deadline_in(kPatience)));
  return ran.code;
}

Result<bool> Programs::enabled(char node) const {
  SN_ASSIGN(const int code, ask("is-enabled", node));
  return code == 0;
}

Result<bool> Programs::active(char node) const {
  SN_ASSIGN(const int code, ask("is-active", node));
  return code == 0;
}

Status Programs::systemctl(std::vector<std::string> arguments, const char* next) const {
  std::string said;
  for (const auto& argument : arguments) said += " " + argument;
  SN_ASSIGN(const Ran ran, run_program(systemctl_, arguments, deadline_in(kPatience)));
  if (ran.code == 0) return {};
  return Error{ErrorCode::kUnavailable, fmt::format("systemctl{} failed: {}", said, ran.output), next};
}

Status Programs::enable() const {
  return systemctl({"enable", "--quiet", unit_of('a'), unit_of('b')}, "is the package sync-node installed?");
}

Status Programs::start(char node) const {
  return systemctl({"start", unit_of(node)}, node == 'a'
                                                 ? "journalctl -u sync-node@a -n 50, then deploy again"
                                                 : "journalctl -u sync-node@b -n 50, then deploy again");
}

Status Programs::restart(char node) const {
  return systemctl({"restart", unit_of(node)}, node == 'a'
                                                   ? "journalctl -u sync-node@a -n 50, then deploy again"
                                                   : "journalctl -u sync-node@b -n 50, then deploy again");
}

Status Programs::stop_and_disable() const {
  return systemctl({"disable", "--quiet", "--now", unit_of('a'), unit_of('b')},
                   "systemctl status 'sync-node@*'");
}

Result<std::string> Programs::enable_docker_ipv6() const {
  auto ran = run_program(docker_, {"enable"}, deadline_in(kPatience));
  if (!ran && ran.error().code == ErrorCode::kNotFound) {
    return Error{ErrorCode::kNotFound, fmt::format("'{}' is not installed", docker_),
                 "install the package sync-node, or leave --docker-ipv6 out"};
  }
  SN_ASSIGN(const Ran done, std::move(ran));
  if (done.code == 0) return done.output;
  return Error{ErrorCode::kFailedPrecondition,
               fmt::format("Docker's IPv6 was not set up (exit {}): {}", done.code, done.output),
               "sync-nodectl docker-ipv6 plan shows why; or leave --docker-ipv6 out"};
}

}  // namespace syncnode::deploy
