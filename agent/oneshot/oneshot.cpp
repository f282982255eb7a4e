#include "oneshot/oneshot.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/stop_signals.h"
#include "host/privileges.h"
#include "oneshot/arguments.h"
#include "oneshot/client_run.h"
#include "oneshot/followed_job.h"
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

ExitCode succeeded(Log& log, const std::string& client) {
  log.info(fmt::format("sync of {} succeeded", client));
  return ExitCode::kSuccess;
}

ExitCode waits(Log& log, const std::string& client, bool held) {
  log.error(
      held ? fmt::format("sync of {} holds deletes until a person decides; hint: sync-nodectl held list {}",
                         client, client)
           : fmt::format("conflicts of {} wait for a person; hint: sync-nodectl conflicts list {}", client,
                         client));
  return ExitCode::kNeedsPerson;
}

ExitCode conclude(Log& log, const std::string& client, const sync::RunReport& report) {
  log_tables(log, report);
  log.info(fmt::format("{} of {}: generation {}, {} rows in {} tables, {} bytes sent, {:.2f} s", report.mode,
                       client, report.generation, report.rows_total, report.tables_total, report.bytes_sent,
                       report.seconds));
  if (report.conflicts.detected > 0 || report.conflicts_waiting > 0) {
    log.info(fmt::format("conflicts: {} found, {} resolved by policy, {} wait", report.conflicts.detected,
                         report.conflicts.resolutions(), report.conflicts_waiting));
  }
  return report.waits() ? waits(log, client, report.held()) : succeeded(log, client);
}

// What a node does is known from its job alone: rows that changed, not all there are.
ExitCode conclude(Log& log, const std::string& client, const control::JobView& job) {
  for (const auto& table : job.tables) {
    log.info(fmt::format("table '{}': {} inserted, {} updated, {} removed, {} held, {} values in quarantine",
                         table.table_name, table.inserted.value_or(0), table.updated.value_or(0),
                         table.removed.value_or(0), table.held.value_or(0), table.quarantined.value_or(0)));
  }
  if (job.status != "success" && !needs_person(job)) return fatal(log, failure_of(job));
  log.info(fmt::format("{} of {}: generation {}, {} rows sent of {} tables, {} bytes, {:.2f} s",
                       job.sync_type, client, job.generation.value_or(0), job.rows_synced.value_or(0),
                       job.tables_total.value_or(0), job.bytes.value_or(0), job.seconds.value_or(0)));
  return needs_person(job) ? waits(log, client, job.status == "held") : succeeded(log, client);
}

ExitCode sync_by_leader(bus::Client& leader, const std::string& client, bool full, Log& log,
                        const std::stop_token& stop) {
  auto job_id = leader.trigger({client, full});
  if (!job_id) return fatal(log, job_id.error());
  log.info(fmt::format("the running leader does it as job {}", *job_id));
  QuietProgress progress;
  auto job = follow_job(
      *job_id, [&] { return leader.job(*job_id); }, progress, stop);
  if (!job) return fatal(log, job.error());
  return conclude(log, client, *job);
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
  auto registered = find_client(settings, choice);
  if (!registered) return fatal(log, registered.error());
  if (arguments.sqlite_path.empty()) {
    // A script has nobody whom polkit could ask.
    if (auto leader = find_leader(settings, registered->cluster_name, false))
      return sync_by_leader(*leader, client, arguments.full, log, signals.token());
  }
  auto options = prepare_run(settings, choice, *registered);
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
