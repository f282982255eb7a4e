#include "daemon/job_records.h"

#include "daemon/job_options.h"
#include "postgres/connection.h"
#include "sql/queries.h"

namespace syncnode::daemon {

using postgres::Param;

Status record_refused(const config::Settings& settings, const schedule::Job& job, int64_t epoch,
                      const Error& why, Deadline deadline) {
  auto connection = postgres::Connection::open(connect_options(settings, "worker"), deadline);
  if (!connection) return {};
  const std::string term = std::to_string(epoch);
  const std::string message = why.to_string();
  SN_ASSIGN(const auto recorded,
            connection->query(sql::job_refused,
                              {job.job_id.empty() ? Param::null() : Param::text(job.job_id),
                               Param::text(job.client), Param::text(message), Param::text(term),
                               Param::text(job.triggered_by), Param::text(job.full ? "full" : "incremental")},
                              deadline));
  return {};
}

Status record_stopped(const config::Settings& settings, const std::string& job_id, Deadline deadline) {
  auto connection = postgres::Connection::open(connect_options(settings, "worker"), deadline);
  if (!connection) return {};
  SN_ASSIGN(const auto recorded, connection->query(sql::job_stopped, {Param::text(job_id)}, deadline));
  return {};
}

}  // namespace syncnode::daemon
