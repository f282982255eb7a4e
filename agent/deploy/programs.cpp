#include "deploy/programs.h"

#include <fmt/format.h>

#include "process/run.h"

namespace syncnode::deploy {
namespace {

// A unit may take its whole start timeout; Docker restarts its containers.
constexpr std::chrono::minutes kPatience{5};

std::string unit_of(char node) {
  return fmt::format("sync-node@{}.service", node);
}

// Its output without the last line's end.
Result<process::Finished> run(const std::vector<std::string>& words) {
  SN_ASSIGN(auto finished, process::run(words, deadline_in(kPatience)));
  while (finished.output.ends_with('\n')) finished.output.pop_back();
  return finished;
}

}  // namespace

Programs::Programs(const std::string& folder)
    : systemctl_((folder.empty() ? "/usr/bin" : folder) + "/systemctl"),
      docker_((folder.empty() ? "/usr/libexec/sync-node" : folder) + "/docker-ipv6") {}

// systemctl's exit codes: 0 yes, anything else no; what cannot be asked at all is an error.
Result<int> Programs::ask(const char* verb, char node) const {
  SN_ASSIGN(const auto ran, run({systemctl_, verb, "--quiet", unit_of(node)}));
  return ran.exit_code;
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
  arguments.insert(arguments.begin(), systemctl_);
  SN_ASSIGN(const auto ran, run(arguments));
  if (ran.exit_code == 0) return {};
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
  auto ran = run({docker_, "enable"});
  if (!ran && ran.error().code == ErrorCode::kNotFound) {
    return Error{ErrorCode::kNotFound, fmt::format("'{}' is not installed", docker_),
                 "install the package sync-node, or leave --docker-ipv6 out"};
  }
  SN_ASSIGN(auto done, std::move(ran));
  if (done.exit_code == 0) return std::move(done.output);
  return Error{ErrorCode::kFailedPrecondition,
               fmt::format("Docker's IPv6 was not set up (exit {}): {}", done.exit_code, done.output),
               "sync-nodectl docker-ipv6 plan shows why; or leave --docker-ipv6 out"};
}

}  // namespace syncnode::deploy
