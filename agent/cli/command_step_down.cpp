#include <fmt/format.h>

#include <memory>

#include "base/clock.h"
#include "base/pause.h"
#include "base/stop_signals.h"
#include "cli/command.h"
#include "cli/text.h"

namespace syncnode::cli {
namespace {

using std::chrono::milliseconds;

// Beyond the time for which the old leader holds off: then it leads again, which is an answer too.
constexpr std::chrono::seconds kPatience{45};
constexpr milliseconds kBetweenLooks{50};

struct Options {
  NodeOptions node;
  bool yes = false;
};

// The leadership that came after `before`, as any node tells it; nothing so far.
std::optional<control::LeadershipView> successor(Node& node, const control::LeadershipView& before) {
  for (const auto& answer : node.all()) {
    if (!answer.health) continue;
    const auto& leads = answer.health->leadership;
    if (!leads.leader_id.empty() && leads.epoch > before.epoch) return leads;
  }
  return std::nullopt;
}

std::optional<ExitCode> confirm(const Options& options, const control::LeadershipView& leads,
                                Console& console) {
  if (options.yes) return std::nullopt;
  if (!console.can_ask()) {
    return console.fail(
        {ErrorCode::kInvalidArgument, "step-down asks first, and there is no terminal", "add --yes"},
        ExitCode::kUsage);
  }
  if (console.ask(fmt::format("make {} hand over the lead of {}? Running jobs end and start again.",
                              printable(leads.leader_id), printable(leads.cluster_name))))
    return std::nullopt;
  console.note("nothing was changed\n");
  return ExitCode::kFailed;
}

ExitCode conclude(const control::LeadershipView& before, const control::LeadershipView& now, double seconds,
                  Console& console) {
  if (now.leader_id == before.leader_id) {
    return console.fail(
        {ErrorCode::kUnavailable,
         fmt::format("{} leads again, epoch {}: no other node took over", now.leader_id, now.epoch),
         "sync-nodectl status shows what the other node does"},
        ExitCode::kFailed);
  }
  console.print(fmt::format("{} leads {} now, epoch {}, after {}\n", printable(now.leader_id),
                            printable(now.cluster_name), now.epoch, seconds_text(seconds)));
  return ExitCode::kOk;
}

ExitCode step_down(const Options& options, Node& node, Console& console) {
  auto health = node.health();
  if (!health) return console.fail(health.error(), exit_code_of_asking(health.error()));
  const auto before = health->leadership;
  if (!before.is_leader) {
    const bool known = !before.leader_id.empty();
    return console.fail(
        {ErrorCode::kFenced,
         known ? fmt::format("{} does not lead; {} does", before.node_id, before.leader_id) : "no node leads",
         known ? "ask the leader: sync-nodectl step-down, without --node and --remote"
               : "sync-nodectl status"},
        ExitCode::kFailed);
  }
  if (auto stop = confirm(options, before, console)) return *stop;
  StopSignals signals;
  const Deadline asked = BootClock::now();
  if (auto done = node.step_down(); !done)
    return console.fail(done.error(), exit_code_of_asking(done.error()));
  while (BootClock::now() < asked + kPatience) {
    if (const auto now = successor(node, before)) {
      return conclude(before, *now, std::chrono::duration<double>(BootClock::now() - asked).count(), console);
    }
    if (pause(kBetweenLooks, signals.token())) {
      return console.fail({ErrorCode::kCancelled, "it steps down without being watched",
                           "sync-nodectl leader shows who leads"});
    }
  }
  return console.fail({ErrorCode::kDeadlineExceeded, "it stepped down, but no node took over",
                       "sync-nodectl status shows why"});
}

}  // namespace

void add_step_down(CLI::App& root, Invocation& invocation) {
  auto* command =
      root.add_subcommand("step-down", "Let the other node lead, and wait until it does; asks first");
  auto options = std::make_shared<Options>();
  add_node_options(*command, options->node);
  command->add_flag("--yes", options->yes, "do not ask");
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options](Console& console) {
      return with_node(options->node, invocation, console, false,
                       [&](Node& node) { return step_down(*options, node, console); });
    };
  });
}

}  // namespace syncnode::cli
