#include "daemon/node_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "oneshot/client_run.h"
#include "oneshot/quiet_progress.h"
#include "postgres/connection.h"
#include "sql/queries.h"

namespace syncnode::daemon {
namespace {

constexpr std::chrono::seconds kQueryTime{20};
constexpr std::chrono::seconds kRetryDatabase{5};

void wait_until(Deadline when, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  auto left = std::max(when - BootClock::now(), BootClock::duration(0));
  stopped.wait_for(lock, stop, left, [] { return false; });
}

std::string application_name(const config::Settings& settings) {
  return "sync-" + settings.role;
}

Result<sync::RunReport> run_client(const config::Settings& settings, const std::string& client, Log& log,
                                   const std::stop_token& stop) {
  SN_ASSIGN(auto options,
            oneshot::prepare_run(settings, {client, std::nullopt, "", application_name(settings)}));
  options.triggered_by = "scheduled";
  oneshot::QuietProgress progress;
  return sync::run_sync(options, log, progress, stop);
}

}  // namespace

void NodeLoop::run(const std::stop_token& stop) {
  log_.info(fmt::format("{} of cluster '{}' started", settings_.role, settings_.cluster_name));
  while (!stop.stop_requested()) {
    auto due = read_due();
    report_database(due);
    if (!due) {
      wait_until(deadline_in(kRetryDatabase), stop);
      continue;
    }
    auto choice = policy_.choose(*due, BootClock::now());
    if (choice.client != nullptr) {
      sync_one(*choice.client, stop);
    } else {
      wait_until(choice.look_again, stop);
    }
  }
  log_.info(fmt::format("{} of cluster '{}' stopped", settings_.role, settings_.cluster_name));
}

Result<std::vector<DueClient>> NodeLoop::read_due() {
  Deadline deadline = deadline_in(kQueryTime);
  SN_ASSIGN(auto connection,
            postgres::Connection::open({settings_.database_url, application_name(settings_)}, deadline));
  SN_ASSIGN(auto rows,
            connection.query(sql::client_due, {postgres::Param::text(settings_.cluster_name)}, deadline));
  std::vector<DueClient> clients;
  clients.reserve(static_cast<size_t>(rows.count()));
  for (int row = 0; row < rows.count(); ++row) {
    clients.push_back({std::string(rows.text(row, 0)), std::chrono::seconds(rows.int64(row, 1)),
                       std::chrono::seconds(rows.int64(row, 2))});
  }
  return clients;
}

void NodeLoop::report_database(const Result<std::vector<DueClient>>& due) {
  if (!due && !database_lost_) {
    log_.error(fmt::format("the database cannot be used, trying again every {} s: {}", kRetryDatabase.count(),
                           due.error().to_string()));
  }
  if (due && database_lost_) log_.info("the database can be used again");
  database_lost_ = !due;
}

void NodeLoop::sync_one(const DueClient& client, const std::stop_token& stop) {
  auto report = run_client(settings_, client.name, log_, stop);
  if (!report) {
    if (stop.stop_requested()) return;
    policy_.failed(client, BootClock::now());
    log_.error(fmt::format("client '{}': {}", client.name, report.error().to_string()));
    return;
  }
  policy_.succeeded(client, BootClock::now());
  auto line = fmt::format("client '{}': {}, generation {}, {} bytes sent, {:.2f} s", client.name,
                          report->mode, report->generation, report->bytes_sent, report->seconds);
  if (report->held()) {
    log_.warning(fmt::format("{}; deletes are held: sync-nodectl held list {}", line, client.name));
  } else {
    log_.info(line);
  }
}

}  // namespace syncnode::daemon
