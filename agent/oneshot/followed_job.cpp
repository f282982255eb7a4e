#include "oneshot/followed_job.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/pause.h"

namespace syncnode::oneshot {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kFirstLook{20}, kSlowestLook{250};
constexpr seconds kSilence{30};  // longer than a failover
constexpr milliseconds kBusAnswer{5'000};

// A node that ends, or one whose successor is not there yet: the next question may be answered.
bool passes(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kDeadlineExceeded ||
         error.code == ErrorCode::kFenced || error.code == ErrorCode::kResourceExhausted;
}

void show(const control::JobView& job, sync::Progress& progress) {
  progress.phase(job.status == "pending" ? "waiting" : job.status);
  const auto running = std::find_if(job.tables.begin(), job.tables.end(),
                                    [](const auto& table) { return table.status == "running"; });
  if (running != job.tables.end())
    progress.table(running->table_name, running->rows_processed.value_or(0),
                   running->rows_total.value_or(-1));
}

}  // namespace

std::unique_ptr<bus::Client> find_leader(const config::Settings& settings, const std::string& cluster,
                                         bool may_ask_user) {
  if (settings.bus_address == "none") return nullptr;
  const std::string address = settings.bus_address == "system" ? "" : settings.bus_address;
  // First a question that nobody is asked a password for, and that a frozen node does not hold us up with.
  auto quick = bus::Client::connect({address, '\0', kBusAnswer, false});
  if (!quick) return nullptr;
  auto view = (*quick)->leadership();
  if (!view || !view->is_leader || (!cluster.empty() && view->cluster_name != cluster)) return nullptr;
  if (!may_ask_user) return std::move(*quick);
  bus::ClientOptions options;
  options.address = address;
  auto client = bus::Client::connect(options);
  return client ? std::move(*client) : nullptr;
}

bool is_over(const control::JobView& job) {
  return job.status != "pending" && job.status != "running";
}

bool needs_person(const control::JobView& job) {
  return job.status == "held" || job.status == "conflicts";
}

Result<control::JobView> follow_job(const std::string& job_id,
                                    const std::function<Result<control::JobView>()>& read,
                                    sync::Progress& progress, const std::stop_token& stop) {
  milliseconds between = kFirstLook;
  Deadline patience = deadline_in(kSilence);
  while (true) {
    auto job = read();
    if (job && is_over(*job)) return job;
    if (job) {
      patience = deadline_in(kSilence);
      show(*job, progress);
    } else if (!passes(job.error()) || BootClock::now() >= patience) {
      return std::move(job).error().with_context(fmt::format("job {} was not followed to its end", job_id));
    }
    if (pause(between, stop)) {
      return Error{ErrorCode::kCancelled, fmt::format("job {} goes on without being watched", job_id),
                   fmt::format("sync-nodectl jobs cancel {} ends it", job_id)};
    }
    between = std::min(between * 2, kSlowestLook);
  }
}

Error failure_of(const control::JobView& job) {
  const ErrorCode code = job.status == "starved"     ? ErrorCode::kStarved
                         : job.status == "fenced"    ? ErrorCode::kFenced
                         : job.status == "cancelled" ? ErrorCode::kCancelled
                                                     : ErrorCode::kAborted;
  const std::string why = job.error.empty() ? "the node gave no reason" : job.error;
  return {code, fmt::format("job {} of client '{}' is {}: {}", job.job_id, job.client_name, job.status, why),
          fmt::format("sync-nodectl jobs {} shows the last ones", job.client_name)};
}

}  // namespace syncnode::oneshot
