#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/unique_fd.h"
#include "config/settings.h"
#include "conflict/policy_file.h"
#include "daemon/agent.h"
#include "daemon/arguments.h"
#include "daemon/node_log.h"
#include "daemon/notify.h"
#include "daemon/settings_files.h"
#include "host/privileges.h"

namespace syncnode::daemon {
namespace {

// 78 (EX_CONFIG) tells systemd that starting again cannot help.
enum class ExitCode { kStopped = 0, kFailed = 1, kUsage = 64, kConfiguration = 78 };

constexpr std::chrono::seconds kTick{1};

ExitCode fail(const Error& error, ExitCode code) {
  fmt::print(stderr, "error: {}\n", error.message);
  if (!error.hint.empty()) fmt::print(stderr, " next: {}\n", error.hint);
  return code;
}

// Strangers at the HTTP door must not cost the lease its connection: the door has its own, lower limit.
void raise_descriptor_limit() {
  constexpr rlim_t kEnough = 4096;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kEnough) return;
  limit.rlim_cur = std::min(limit.rlim_max, kEnough);
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));  // the old limit may be enough as well, ignoring
}

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// The next signal within `wait`; 0: none came.
int next_signal(const UniqueFd& signals, BootClock::duration wait) {
  pollfd watched{signals.get(), POLLIN, 0};
  if (::poll(&watched, 1, poll_milliseconds(deadline_in(wait))) <= 0) return 0;
  signalfd_siginfo info{};
  if (::read(signals.get(), &info, sizeof info) != sizeof info) return 0;
  return static_cast<int>(info.ssi_signo);
}

void reload(Agent& agent, const config::SettingsSources& sources) {
  notify_reloading();
  const auto outcome = agent.reload(config::load_settings(sources, config::Purpose::kNode));
  notify_ready(agent.status_line());
  if (const char* directory = std::getenv("RUNTIME_DIRECTORY")) answer_reload(directory, outcome);
}

// Until SIGINT or SIGTERM. The watchdog is fed by what the other loops do, not by this one's being here.
void run_until_stopped(Agent& agent, const UniqueFd& signals, const config::SettingsSources& on_reload) {
  const auto patience = watchdog_patience();
  const auto tick =
      patience ? std::min<BootClock::duration>(kTick, *patience / 4) : BootClock::duration(kTick);
  bool ready = false;
  while (true) {
    agent.tick();
    if (!ready && agent.is_ready()) notify_ready(agent.status_line());
    ready = ready || agent.is_ready();
    if (patience && agent.is_alive()) notify_alive();
    const int signal = next_signal(signals, tick);
    if (signal == SIGINT || signal == SIGTERM) return;
    if (signal == SIGHUP) reload(agent, on_reload);
  }
}

ExitCode run(const std::vector<std::string>& words) {
  auto arguments = parse_arguments(words);
  if (!arguments) return fail(arguments.error(), ExitCode::kUsage);
  if (arguments->help || arguments->version) {
    std::fputs(arguments->help ? kUsage : "sync-node " SYNC_NODE_VERSION "\n", stdout);
    return ExitCode::kStopped;
  }
  const auto places = settings_places(arguments->node);
  const bool named = !arguments->env_files.empty();
  const auto environment = config::environment_of_process();
  const config::SettingsSources sources{environment, named ? arguments->env_files : files_at_start(places),
                                        arguments->node};
  const config::SettingsSources on_reload{environment, named ? arguments->env_files : files_at_reload(places),
                                          arguments->node};
  auto settings = config::load_settings(sources, config::Purpose::kNode);
  if (!settings) return fail(settings.error(), ExitCode::kConfiguration);
  auto policy = conflict::load_policy(*settings);
  if (!policy) return fail(policy.error(), ExitCode::kConfiguration);
  if (arguments->check_config) {
    fmt::print("the configuration of {} is usable\n", settings->role);
    return ExitCode::kStopped;
  }
  // Capabilities are per thread: they go before the first thread comes.
  if (auto dropped = host::drop_to_reader(settings->state_directory); !dropped) {
    return fail(dropped.error(), ExitCode::kFailed);
  }
  raise_descriptor_limit();
  const sigset_t handled = handled_signals();
  ::pthread_sigmask(SIG_BLOCK, &handled, nullptr);
  const UniqueFd signals(::signalfd(-1, &handled, SFD_CLOEXEC));

  NodeLog log(settings->role.substr(settings->role.size() - 1), settings->log_format, settings->log_level);
  Agent agent(*settings, *std::move(policy), SYNC_NODE_VERSION, log);
  if (auto started = agent.start(); !started) {
    log.error(started.error().to_string());
    return ExitCode::kFailed;
  }
  run_until_stopped(agent, signals, on_reload);
  notify_stopping("ends its jobs and gives the lease back");
  // Whoever will not wait for that signals again.
  ::pthread_sigmask(SIG_UNBLOCK, &handled, nullptr);
  agent.stop();
  return ExitCode::kStopped;
}

}  // namespace
}  // namespace syncnode::daemon

int main(int argc, char** argv) {
  return static_cast<int>(syncnode::daemon::run(std::vector<std::string>(argv + 1, argv + argc)));
}
