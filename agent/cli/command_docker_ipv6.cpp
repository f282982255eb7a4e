#include <fmt/format.h>
#include <grp.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "cli/command.h"
#include "process/run.h"

namespace syncnode::cli {
namespace {

constexpr char kProgram[] = "/usr/libexec/sync-node/docker-ipv6";
constexpr char kSudo[] = "/usr/bin/sudo";
constexpr char kGroup[] = "sync-node-admin";

struct Options {
  std::string verb, cidr;
  bool force = false, restart = false, yes = false, dry_run = false, as_json = false;

  bool only_reads() const { return verb == "status" || verb == "plan" || dry_run; }
};

// In the order in which the drop-in of sudoers lists them.
std::vector<std::string> words_of(const Options& options) {
  std::vector<std::string> words{kProgram, options.verb};
  if (!options.cidr.empty()) words.push_back("--cidr=" + options.cidr);
  if (options.force) words.emplace_back("--force");
  if (options.restart) words.emplace_back("--restart");
  if (options.yes) words.emplace_back("--yes");
  if (options.dry_run) words.emplace_back("--dry-run");
  if (options.as_json) words.emplace_back("--json");
  return words;
}

bool is_member() {
  const group* admins = ::getgrnam(kGroup);
  if (admins == nullptr) return false;
  std::vector<gid_t> mine(static_cast<size_t>(std::max(::getgroups(0, nullptr), 0)));
  const int count = ::getgroups(static_cast<int>(mine.size()), mine.data());
  return std::ranges::find(mine.begin(), mine.begin() + std::max(count, 0), admins->gr_gid) !=
         mine.begin() + std::max(count, 0);
}

// Empty: may not.
std::vector<std::string> command_of(const Options& options, bool can_ask) {
  std::vector<std::string> words = words_of(options);
  if (::geteuid() == 0) return words;
  // What the drop-in lists needs no password; and who is not in it still may look.
  const bool is_listed = is_member() && options.cidr.empty() && !options.force;
  if (!is_listed && options.only_reads()) return words;
  if (!is_listed && !can_ask) return {};
  words.insert(words.begin(), {kSudo, "--"});
  if (is_listed) words.insert(words.begin() + 1, "-n");
  return words;
}

ExitCode exit_code_of_program(int code) {
  switch (code) {
    case 0:
      return ExitCode::kOk;
    case 4:
      return ExitCode::kNotAllowed;
    case 6:   // it was refused
    case 75:  // not now
      return ExitCode::kNeedsPerson;
    case 64:
      return ExitCode::kUsage;
    default:
      return ExitCode::kFailed;
  }
}

ExitCode run(const Options& options, Console& console) {
  const auto command = command_of(options, console.can_ask());
  if (command.empty()) {
    return console.fail(
        {ErrorCode::kPermissionDenied,
         fmt::format("this is for root, and what needs neither --cidr nor --force for the group '{}'",
                     kGroup),
         fmt::format("sudo sync-nodectl docker-ipv6 {}", options.verb)},
        options.as_json);
  }
  const auto ended = process::run_in_foreground(command);
  if (!ended) {
    Error error = ended.error();
    error.hint = command[0] == kSudo ? "install sudo, or do it as root" : "install the package sync-node";
    return console.fail(error, ExitCode::kFailed, options.as_json);
  }
  return exit_code_of_program(*ended);
}

CLI::App* add_verb(CLI::App& command, const std::shared_ptr<Options>& options, Invocation& invocation) {
  command.callback([&invocation, &command, options] {
    options->verb = command.get_name();
    invocation.run = [options](Console& console) { return run(*options, console); };
  });
  return &command;
}

void add_wishes(CLI::App& command, Options& options) {
  command.add_option("--cidr", options.cidr, "use this /64 to /80 instead of drawing one; root only")
      ->type_name("PREFIX");
  command.add_flag("--force", options.force, "overwrite values that somebody set otherwise; root only");
}

void add_restart(CLI::App& command, Options& options) {
  auto* dry_run = command.add_flag("--dry-run", options.dry_run, "only show");
  auto* restart = command
                      .add_flag("--restart", options.restart,
                                "restart Docker; the old file comes back when it does not start")
                      ->excludes(dry_run);
  command.add_flag("--yes", options.yes, "restart it also when containers run")->needs(restart);
}

}  // namespace

void add_docker_ipv6(CLI::App& root, Invocation& invocation) {
  auto* docker_ipv6 = root.add_subcommand("docker-ipv6", "IPv6 for Docker's default bridge on this host");
  docker_ipv6->require_subcommand(1);
  auto options = std::make_shared<Options>();
  auto* status =
      add_verb(*docker_ipv6->add_subcommand("status", "Is it set up, and in effect?"), options, invocation);
  auto* plan =
      add_verb(*docker_ipv6->add_subcommand("plan", "Show what enable would change"), options, invocation);
  auto* enable = add_verb(*docker_ipv6->add_subcommand("enable", "Set it up in /etc/docker/daemon.json"),
                          options, invocation);
  auto* disable =
      add_verb(*docker_ipv6->add_subcommand("disable", "Take back what enable changed"), options, invocation);
  for (auto* command : {plan, enable}) add_wishes(*command, *options);
  for (auto* command : {enable, disable}) add_restart(*command, *options);
  for (auto* command : {status, plan}) add_json_flag(*command, options->as_json);
}

}  // namespace syncnode::cli
