#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "docker_ipv6/act.h"
#include "docker_ipv6/options.h"
#include "docker_ipv6/report.h"

namespace syncnode::docker_ipv6 {
namespace {

ExitCode show_status(const Options& options) {
  const auto world = look_at_world();
  if (!world) return fail(world.error());
  const auto plan = plan_enable(*world, {});
  if (!plan) return fail(plan.error());
  fmt::print("{}", options.as_json ? json::to_pretty_text(status_document(*world, *plan))
                                   : status_text(*world, *plan));
  return ExitCode::kDone;
}

ExitCode show_plan(const Options& options) {
  const auto world = look_at_world();
  if (!world) return fail(world.error());
  const auto plan = plan_enable(*world, {options.prefix, options.force});
  if (!plan) return fail(plan.error());
  fmt::print("{}",
             options.as_json ? json::to_pretty_text(plan_document(*world, *plan)) : plan_text(*world, *plan));
  if (!plan->is_possible()) return fail(*plan);
  return options.exit_code && plan->changes.empty() ? ExitCode::kNothingToDo : ExitCode::kDone;
}

ExitCode run(const std::vector<std::string>& words) {
  const auto options = parse_options(words);
  if (!options) {
    fail(options.error());
    return ExitCode::kUsage;
  }
  if (options->verb == Verb::kHelp || options->verb == Verb::kVersion) {
    fmt::print("{}", options->verb == Verb::kHelp ? kUsage : "docker-ipv6 " SYNC_NODE_VERSION "\n");
    return ExitCode::kDone;
  }
  const bool is_root = ::geteuid() == 0;
  if (!is_root && !options->only_reads()) {
    fail({ErrorCode::kPermissionDenied, "only root can change Docker's settings",
          "sync-nodectl docker-ipv6 goes through sudo; see sync-node-docker-ipv6 in /etc/sudoers.d"});
    return ExitCode::kNotRoot;
  }
  if (options->verb == Verb::kStatus) return show_status(*options);
  if (options->verb == Verb::kPlan) return show_plan(*options);
  if (options->verb == Verb::kDisable) return disable(*options);
  return options->dry_run ? show_plan(*options) : enable(*options);
}

}  // namespace
}  // namespace syncnode::docker_ipv6

int main(int argc, char** argv) {
  // Who stops reading what is printed must not stop it between two steps.
  std::signal(SIGPIPE, SIG_IGN);
  return static_cast<int>(syncnode::docker_ipv6::run(std::vector<std::string>(argv + 1, argv + argc)));
}
