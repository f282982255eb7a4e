#include "daemon/job_end.h"

#include <fmt/format.h>

#include "daemon/conflict_news.h"
#include "daemon/events.h"
#include "sync/verify_report.h"

namespace syncnode::daemon {
namespace {

struct Sums {
  int64_t rows = 0, held = 0, quarantined = 0;
};

Sums sums_of(const JobEnd& end) {
  Sums sums;
  if (!end.done()) return sums;
  for (const auto& table : end.sync->tables) {
    sums.rows += table.inserted + table.updated + table.removed;
    sums.held += table.held;
    sums.quarantined += table.quarantined;
  }
  return sums;
}

void count(const schedule::Job& job, const JobEnd& end, const Sums& sums, double seconds,
           metrics::Metrics& metrics) {
  const auto status = status_of(end);
  if (job.kind == JobKind::kVerify) {
    metrics.verification(end.done() && !end.differs() ? "equal" : status, sums.rows);
  } else {
    metrics.operation(std::string(status), seconds, sums.rows);
  }
  if (!end.done()) return;
  const auto& capture = end.sync->capture;
  metrics.captured(capture.evidence, capture.tables_unchanged, capture.tables_in_part, capture.tables_whole);
  metrics.set_client(job.client, {std::nullopt, sums.quarantined, sums.held});
}

std::string verdict_on(const schedule::Job& job, const sync::VerifyReport& found) {
  int64_t rows = 0;
  for (const auto& table : found.tables) rows += table.source_rows;
  return fmt::format("client '{}': the copy is equal to the source at generation {}, {} rows in {} tables",
                     job.client, found.generation, rows, found.tables.size());
}

}  // namespace

JobEnd::JobEnd(Result<sync::Verified> verified)
    : sync(verified ? Result<sync::RunReport>(verified->sync) : Result<sync::RunReport>(verified.error())) {
  if (verified) found = std::move(verified->report);
}

std::string_view status_of(const JobEnd& end) {
  if (!end.done()) return sync::status_word(end.sync.error().code);
  if (end.differs()) return "differs";
  if (end.sync->held()) return "held";
  return end.sync->waits() ? "conflicts" : "success";
}

void conclude(const schedule::Job& job, const JobEnd& end, double seconds, Log& log,
              metrics::Metrics& metrics) {
  const Sums sums = sums_of(end);
  count(job, end, sums, seconds, metrics);
  if (!end.done()) {
    if (status_of(end) == "cancelled")
      return log.info(fmt::format("client '{}': the {} was stopped", job.client,
                                  job.kind == JobKind::kVerify ? "verify" : "sync"));
    return log.event(events::kClientFailed, LogLevel::kError, job.client,
                     fmt::format("client '{}': {}", job.client, end.sync.error().to_string()));
  }
  const auto line =
      fmt::format("client '{}': {}, generation {}, {} rows changed, {} bytes sent, {:.2f} s", job.client,
                  end.sync->mode, end.sync->generation, sums.rows, end.sync->bytes_sent, seconds);
  tell_conflicts(job.client, *end.sync, log, metrics);
  if (end.sync->held()) {
    log.event(events::kDeletesHeld, LogLevel::kWarning, job.client,
              fmt::format("{}; deletes are held: sync-nodectl held list {}", line, job.client));
  } else if (end.sync->waits()) {
    log.event(events::kConflictsWait, LogLevel::kWarning, job.client,
              fmt::format("{}; {} conflicts wait for a person: sync-nodectl conflicts list {}", line,
                          end.sync->conflicts_waiting, job.client));
  } else if (sums.rows > 0 || !job.job_id.empty()) {
    log.info(line);
  } else {
    log.debug(line);
  }
  if (end.differs()) {
    const std::string why = sync::difference(job.client, *end.found).message;
    log.event(
        events::kCopyDiffers, LogLevel::kError, job.client,
        fmt::format("client '{}': {}; sync-nodectl jobs show {} names them", job.client, why, job.job_id));
  } else if (end.found) {
    log.info(verdict_on(job, *end.found));
  }
}

}  // namespace syncnode::daemon
