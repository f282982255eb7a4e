#include "oneshot/oneshot.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/stop_signals.h"
#include "host/privileges.h"
#include "oneshot/arguments.h"
#include "oneshot/client_run.h"
#include "oneshot/quiet_progress.h"
#include "oneshot/split_log.h"

namespace syncnode::oneshot {
namespace {

ExitCode fatal(Log& log, const Error& error) {
  log.error(error.to_string());
  return ExitCode::kFatal;
}

void log_tables(Log& log, const sync::RunReport& report) {
  for (const auto& table : report.tables) {
    log.info(fmt::format("table '{}': {} inserted, {} updated, {} removed, {} held, {} values in quarantine",
                         table.name, table.inserted, table.updated, table.removed, table.held,
                         table.quarantined));
  }
  for (const auto& skipped : report.skipped) {
    log.info(fmt::format("table '{}' is not copied: {}", skipped.name, skipped.reason));
  }
}

ExitCode conclude(Log& log, const std::string& client, const sync::RunReport& report) {
  log_tables(log, report);
  log.info(fmt::format("{} of {}: generation {}, {} rows in {} tables, {} bytes sent, {:.2f} s", report.mode,
                       client, report.generation, report.rows_total, report.tables_total, report.bytes_sent,
                       report.seconds));
  if (!report.held()) {
    log.info(fmt::format("sync of {} succeeded", client));
    return ExitCode::kSuccess;
  }
  log.error(fmt::format("sync of {} holds deletes until a person decides; hint: sync-nodectl held list {}",
                        client, client));
  return ExitCode::kNeedsPerson;
}

ExitCode sync_once(const Arguments& arguments, const config::Settings& settings, Log& log) {
  // Capabilities are per thread: they go before the first thread comes.
  if (auto dropped = host::drop_to_reader(settings.state_directory); !dropped)
    return fatal(log, dropped.error());
  StopSignals signals;
  std::string client = arguments.client_name.empty() ? settings.client_name : arguments.client_name;
  if (!config::is_client_name(client)) {
    return fatal(log, {ErrorCode::kInvalidArgument,
                       client.empty() ? "which client to sync is not known"
                                      : fmt::format("'{}' is not a client name", client),
                       "give CLIENT_NAME as an argument or in the environment"});
  }
  log.info(fmt::format("starting {}sync for {}", arguments.full ? "full " : "", client));
  ClientChoice choice{client, std::nullopt, settings.container_name, "sync-client-to-supabase"};
  if (!arguments.sqlite_path.empty()) choice.sqlite_path = arguments.sqlite_path;
  auto options = prepare_run(settings, choice);
  if (!options) return fatal(log, options.error());
  options->full = arguments.full;
  QuietProgress progress;
  auto report = sync::run_sync(*options, log, progress, signals.token());
  if (!report) return fatal(log, report.error());
  return conclude(log, client, *report);
}

}  // namespace

ExitCode run_oneshot(const std::vector<std::string>& words) {
  SplitLog log(LogLevel::kInfo);
  auto arguments = parse_arguments(words);
  if (!arguments) return fatal(log, arguments.error());
  if (arguments->help || arguments->version) {
    std::fputs(arguments->help ? kUsage : "sync-client-to-supabase " SYNC_NODE_VERSION "\n", stdout);
    return ExitCode::kSuccess;
  }
  auto settings = config::load_settings({config::environment_of_process(), arguments->env_files, ""},
                                        config::Purpose::kCommand);
  if (!settings) return fatal(log, settings.error());
  SplitLog configured(settings->log_level);
  return sync_once(*arguments, *settings, configured);
}

}  // namespace syncnode::oneshot
