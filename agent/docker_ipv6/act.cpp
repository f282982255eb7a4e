#include "docker_ipv6/act.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "docker_ipv6/report.h"
#include "docker_ipv6/trace.h"

namespace syncnode::docker_ipv6 {
namespace {

// Not below /run/lock, where everybody could hold it.
constexpr char kLock[] = "/run/sync-node-docker-ipv6.lock";

Result<UniqueFd> take_lock() {
  UniqueFd lock(::open(kLock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!lock.valid()) {
    return Error{ErrorCode::kInternal, fmt::format("opening '{}': {}", kLock, std::strerror(errno)), ""};
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  return Error{ErrorCode::kUnavailable, "another docker-ipv6 is at work", "wait for its end, then try again"};
}

void hold_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

// One run of enable or disable after it was decided what becomes of the file.
class Act {
 public:
  Act(World world, const Options& options)
      : world_(std::move(world)),
        options_(options),
        trace_(options.verb == Verb::kEnable ? "enable" : "disable") {}

  World& world() { return world_; }
  Trace& trace() { return trace_; }

  // Before anything is written.
  Status check_restart() const {
    if (!options_.restart) return {};
    if (!world_.docker.has_unit) {
      return Error{ErrorCode::kFailedPrecondition, "systemd knows no docker.service that could be restarted",
                   "leave --restart out, and restart Docker your way"};
    }
    if (options_.yes || !world_.docker.is_active || world_.engine.containers == 0) return {};
    return Error{ErrorCode::kUnavailable, restart_text(world_.engine),
                 "stop them first, or add --yes; nothing was changed"};
  }

  Status judge(const std::string& path) const {
    return validate(world_.docker, path, world_.file.exists() ? world_.file.path() : "");
  }

  // `wanted`: the bridge is to have IPv6. `changed`: the file was.
  ExitCode finish(bool wanted, bool changed) {
    const ExitCode code = options_.restart ? restart_docker(wanted, changed) : say_what_is_left(wanted);
    trace_.to_journal();
    return code;
  }

 private:
  ExitCode say_what_is_left(bool wanted) const {
    if (!world_.docker.is_active && !world_.engine.answers) {
      fmt::print("Docker does not run; it reads the file when it starts\n");
    } else {
      fmt::print("Docker was not restarted. {}\n", restart_text(world_.engine));
      fmt::print("next: {}\n", next_restart(wanted));
    }
    return ExitCode::kDone;
  }

  // Where the administrator's own file wants IPv6, nothing that `disable` does is left to be done.
  std::string next_restart(bool wanted) const {
    const bool enables = options_.verb == Verb::kEnable;
    if (!enables && wanted) return "systemctl restart docker";
    return fmt::format("sync-nodectl docker-ipv6 {} --restart{}", enables ? "enable" : "disable",
                       world_.engine.containers == 0 ? "" : " --yes");
  }

  ExitCode restart_docker(bool wanted, bool changed) {
    if (!world_.docker.is_active) {
      fmt::print("Docker does not run and was not started; it reads the file when it starts\n");
      return ExitCode::kDone;
    }
    fmt::print("restarting Docker\n");
    std::fflush(stdout);
    Status restarted = restart(world_.docker, world_.file.text(), {.answered = world_.engine.answers});
    const Engine now = restarted ? ask_engine(world_.docker, world_.file.text()) : Engine{};
    if (restarted && now.bridge_ipv6.value_or(wanted) != wanted) {
      if (now.live_restore == true && now.containers.value_or(1) > 0) return say_not_yet(now);
      restarted = Error{ErrorCode::kInternal,
                        fmt::format("Docker runs with the file, and its default bridge {} IPv6",
                                    wanted ? "has no" : "still has"),
                        "docker network inspect bridge; journalctl -u docker.service -n 50"};
    }
    if (!restarted && restarted.error().code == ErrorCode::kDeadlineExceeded) {
      return say_it_takes_long(restarted.error());
    }
    if (!restarted) return say_it_failed(restarted.error(), changed);
    trace_.outcome("docker was restarted with it");
    fmt::print("Docker was restarted; {}; the default bridge has IPv6: {}\n", containers_text(now),
               now.bridge_ipv6 ? (*now.bridge_ipv6 ? "yes" : "no") : "not known");
    return ExitCode::kDone;
  }

  ExitCode say_not_yet(const Engine& now) {
    trace_.outcome("docker was restarted; live-restore keeps it from taking effect");
    fmt::print(
        "Docker was restarted and takes the file; {} and ran on (live-restore), so its default bridge "
        "stays as it is until Docker starts with none running\n",
        containers_text(now));
    fmt::print("next: stop the containers, then: systemctl restart docker\n");
    return ExitCode::kTryLater;
  }

  // A second restart would be a second outage, of a Docker that may be about to come up.
  ExitCode say_it_takes_long(const Error& why) {
    trace_.outcome("docker was restarted with it; whether it runs is not known");
    fail(why);
    fmt::print(stderr, "'{}' was left as it is now\n", world_.file.path());
    return ExitCode::kTryLater;
  }

  ExitCode say_it_failed(const Error& why, bool changed) {
    fail(why);
    trace_.outcome("a restart of docker failed");
    if (!changed && !world_.file.record()) return ExitCode::kFailed;  // the file is not our doing
    if (const Status back = changed ? world_.file.put_back() : take_back(); !back) {
      trace_.outcome("docker did not take it, and the old file was not put back");
      fail(Error(back.error()).with_context("the old file was not put back"));
      return ExitCode::kFailed;
    }
    trace_.outcome("taken back, because docker did not take it");
    if (const Status again = restart_again(); !again) {
      fail(Error(again.error()).with_context("the old file is back, and with it"));
    } else {
      fmt::print(stderr, "the old '{}' is back, and Docker runs with it\n", world_.file.path());
    }
    return ExitCode::kFailed;
  }

  Status restart_again() {
    return restart(world_.docker, world_.file.text(), {.again = true, .answered = world_.engine.answers});
  }

  // What an earlier run wrote and this one was to bring into effect.
  Status take_back() {
    SN_ASSIGN(const auto before, world_.file.without_ours());
    return world_.file.disable(before, [](const std::string&) { return Status(); });
  }

  World world_;
  const Options& options_;
  Trace trace_;
};

// Does Docker give its default bridge IPv6 with this file?
bool wants_ipv6(const std::string& text) {
  return value_text(text, "ipv6").value_or("false") != "false";
}

ExitCode nothing_to_do(const Options& options) {
  return options.exit_code ? ExitCode::kNothingToDo : ExitCode::kDone;
}

ExitCode write_enable(Act& act, const Plan& plan) {
  DaemonFile& file = act.world().file;
  const auto text = apply_changes(file.text(), plan.changes);
  if (!text) return fail(text.error());
  hold_signals();
  const Status written =
      file.enable(*text, plan.changes, [&](const std::string& path) { return act.judge(path); });
  if (!written) return fail(written.error());
  fmt::print("'{}' was changed:\n", file.path());
  for (const Change& change : plan.changes) {
    act.trace().key(change.key);
    fmt::print("  {}\n", change_text(change));
  }
  for (const std::string& warning : plan.warnings) fmt::print("note: {}\n", warning);
  return act.finish(true, true);
}

ExitCode write_disable(Act& act, const DaemonFile::Disabled& result) {
  DaemonFile& file = act.world().file;
  hold_signals();
  const Status written = file.disable(result, [&](const std::string& path) { return act.judge(path); });
  if (!written) return fail(written.error());
  for (const Change& change : file.record()->changes) act.trace().key(change.key);
  fmt::print("'{}' is {}\n", file.path(),
             result.text ? "as it was before" : "gone, as there was none before");
  return act.finish(wants_ipv6(result.text.value_or("")), true);
}

void show_disable(const World& world, const DaemonFile::Disabled& result) {
  for (const std::string& key : result.left) {
    fmt::print("'{}' was changed by somebody since, and stays\n", key);
  }
  for (const Change& change : world.file.record()->changes) {
    if (std::ranges::find(result.left, change.key) != result.left.end()) continue;
    if (change.before) {
      fmt::print("  ~ \"{}\": {} -> {}\n", change.key, change.after, *change.before);
    } else {
      fmt::print("  - \"{}\": {}\n", change.key, change.after);
    }
  }
}

// All that can be left is the restart that an earlier disable was not told to do.
ExitCode disabled_already(World world, const Options& options) {
  fmt::print("nothing of '{}' was set by this program; nothing was written\n", world.file.path());
  const bool is_left = world.engine.bridge_ipv6 == true && !wants_ipv6(world.file.text());
  if (!options.restart || !is_left) return nothing_to_do(options);
  Act act(std::move(world), options);
  if (auto allowed = act.check_restart(); !allowed) return fail(allowed.error());
  return act.finish(false, false);
}

}  // namespace

ExitCode enable(const Options& options) {
  const auto lock = take_lock();
  if (!lock) return fail(lock.error());
  auto world = look_at_world();
  if (!world) return fail(world.error());
  const auto plan = plan_enable(*world, {options.prefix, options.force});
  if (!plan) return fail(plan.error());
  if (!plan->is_possible()) return fail(*plan);
  Act act(*std::move(world), options);
  if (auto allowed = act.check_restart(); !allowed) return fail(allowed.error());
  if (!plan->changes.empty()) return write_enable(act, *plan);
  fmt::print("'{}' has what this Docker needs; nothing was written\n", act.world().file.path());
  if (act.world().engine.bridge_ipv6 != false) return nothing_to_do(options);
  return act.finish(true, false);
}

ExitCode disable(const Options& options) {
  auto lock = options.dry_run ? Result<UniqueFd>(UniqueFd()) : take_lock();
  if (!lock) return fail(lock.error());
  auto world = look_at_world();
  if (!world) return fail(world.error());
  if (!world->file.record()) return disabled_already(*std::move(world), options);
  const auto result = world->file.without_ours();
  if (!result) return fail(result.error());
  show_disable(*world, *result);
  if (options.dry_run) return ExitCode::kDone;
  Act act(*std::move(world), options);
  if (auto allowed = act.check_restart(); !allowed) return fail(allowed.error());
  return write_disable(act, *result);
}

ExitCode fail(const Error& error) {
  std::fflush(stdout);
  fmt::print(stderr, "error: {}\n", error.message);
  if (!error.hint.empty()) fmt::print(stderr, " next: {}\n", error.hint);
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kFailedPrecondition:
      return ExitCode::kRefused;
    case ErrorCode::kUnavailable:
      return ExitCode::kTryLater;
    case ErrorCode::kPermissionDenied:
      return ::geteuid() == 0 ? ExitCode::kFailed : ExitCode::kNotRoot;
    default:
      return ExitCode::kFailed;
  }
}

ExitCode fail(const Plan& plan) {
  for (const Change& conflict : plan.conflicts) {
    fail(Error{ErrorCode::kFailedPrecondition,
               fmt::format("'{}' is {} in daemon.json, and IPv6 needs {}", conflict.key, *conflict.before,
                           conflict.after),
               "change it yourself, or overwrite it with --force"});
  }
  for (const Error& refusal : plan.refusals) fail(refusal);
  return ExitCode::kRefused;
}

}  // namespace syncnode::docker_ipv6
