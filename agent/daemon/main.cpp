#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <random>

#include "base/stop_signals.h"
#include "config/settings.h"
#include "daemon/arguments.h"
#include "daemon/json_log.h"
#include "daemon/node_loop.h"
#include "host/privileges.h"

namespace syncnode::daemon {
namespace {

// 78 (EX_CONFIG) tells systemd that starting again cannot help.
enum class ExitCode { kStopped = 0, kFailed = 1, kUsage = 64, kConfiguration = 78 };

ExitCode fail(const Error& error, ExitCode code) {
  fmt::print(stderr, "error: {}\n", error.message);
  if (!error.hint.empty()) fmt::print(stderr, " next: {}\n", error.hint);
  return code;
}

std::unique_ptr<Log> make_log(const config::Settings& settings) {
  if (settings.log_format == config::LogFormat::kJson) {
    return std::make_unique<JsonLog>(STDERR_FILENO, settings.log_level);
  }
  return std::make_unique<TextLog>(STDERR_FILENO, settings.log_level);
}

ExitCode run(const std::vector<std::string>& words) {
  auto arguments = parse_arguments(words);
  if (!arguments) return fail(arguments.error(), ExitCode::kUsage);
  if (arguments->help || arguments->version) {
    std::fputs(arguments->help ? kUsage : "sync-node " SYNC_NODE_VERSION "\n", stdout);
    return ExitCode::kStopped;
  }
  auto settings = config::load_settings(
      {config::environment_of_process(), arguments->env_files, arguments->node}, config::Purpose::kNode);
  if (!settings) return fail(settings.error(), ExitCode::kConfiguration);
  if (arguments->check_config) {
    fmt::print("the configuration of {} is usable\n", settings->role);
    return ExitCode::kStopped;
  }
  // Capabilities are per thread: they go before the first thread comes.
  if (auto dropped = host::drop_to_reader(settings->state_directory); !dropped) {
    return fail(dropped.error(), ExitCode::kFailed);
  }
  StopSignals signals;
  auto log = make_log(*settings);
  NodeLoop(*settings, *log, std::random_device{}()).run(signals.token());
  return ExitCode::kStopped;
}

}  // namespace
}  // namespace syncnode::daemon

int main(int argc, char** argv) {
  return static_cast<int>(syncnode::daemon::run(std::vector<std::string>(argv + 1, argv + argc)));
}
