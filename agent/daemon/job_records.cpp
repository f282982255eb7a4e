#include "daemon/job_records.h"

#include "daemon/job_options.h"
#include "postgres/connection.h"
#include "sql/queries.h"

namespace syncnode::daemon {
namespace {

using postgres::Param;

constexpr std::chrono::seconds kTime{5};

void record(const config::Settings& settings, const char* query, const std::vector<Param>& parameters,
            Log& log) {
  const Deadline deadline = deadline_in(kTime);
  auto connection = postgres::Connection::open(connect_options(settings, "worker"), deadline);
  if (!connection) return;  // that the database cannot be reached is said elsewhere, ignoring
  auto recorded = connection->query(query, parameters, deadline);
  if (!recorded) log.warning("the end of a job could not be recorded: " + recorded.error().to_string());
}

}  // namespace

void record_refusal(const config::Settings& settings, const schedule::Job& job, const Term& term,
                    const Error& why, Log& log) {
  const std::string epoch = std::to_string(term.epoch);
  const std::string message = why.to_string();
  record(settings, sql::job_refused,
         {job.job_id.empty() ? Param::null() : Param::text(job.job_id), Param::text(job.client),
          Param::text(message), Param::text(epoch), Param::text(job.triggered_by),
          Param::text(to_string(job.kind))},
         log);
}

void record_end(const config::Settings& settings, const std::string& job_id, std::string_view status,
                const std::string& why, Log& log) {
  record(settings, sql::job_stopped, {Param::text(job_id), Param::text(status), Param::text(why)}, log);
}

}  // namespace syncnode::daemon
