#include "postgres/notices.h"

#include <libpq-fe.h>

#include <algorithm>

#include "postgres/wire.h"
#include "sql/queries.h"

namespace syncnode::postgres {
namespace {

std::vector<std::string> drain(pg_conn* connection) {
  std::vector<std::string> payloads;
  while (PGnotify* notice = PQnotifies(connection)) {
    payloads.emplace_back(notice->extra);
    PQfreemem(notice);
  }
  return payloads;
}

// A pooler makes up the process id it tells its clients; a server tells the truth.
Result<bool> is_direct(Connection& connection, Deadline deadline) {
  SN_ASSIGN(const Rows pid, connection.query(sql::backend_pid, {}, deadline));
  return pid.int64(0, 0) == connection.backend_pid();
}

}  // namespace

Result<std::vector<std::string>> Connection::notices(Deadline deadline, int wake_fd) {
  while (wire_->usable()) {
    // Those that came along with an answer are here already.
    auto payloads = drain(wire_->get());
    if (!payloads.empty()) return payloads;
    auto ready = wait_ready(PQsocket(wire_->get()), wake_fd, false, deadline);
    if (!ready &&
        (ready.error().code == ErrorCode::kCancelled || ready.error().code == ErrorCode::kDeadlineExceeded)) {
      return payloads;
    }
    if (!ready) return std::move(ready).error();
    if (PQconsumeInput(wire_->get()) == 0) return wire_->connection_failure();
    PQisBusy(wire_->get());  // an idle session is told of its end by an error message: parse it
    if (PQstatus(wire_->get()) == CONNECTION_BAD) return wire_->connection_failure();
  }
  return wire_->closed();
}

Result<bool> listen(Connection& connection, const ConnectOptions& options, const std::string& probe,
                    Deadline deadline) {
  SN_ASSIGN(const bool direct, is_direct(connection, deadline));
  SN_ASSIGN(const Rows listening, connection.simple(sql::notice_listen, deadline));
  if (direct) return true;
  auto sender = Connection::open(options, deadline);
  if (sender && sender->query(sql::notice_probe, {Param::text(probe)}, deadline)) {
    while (BootClock::now() < deadline) {
      SN_ASSIGN(const auto payloads, connection.notices(deadline, -1));
      if (std::find(payloads.begin(), payloads.end(), probe) != payloads.end()) return true;
    }
  }
  // Else a server process of the pool would go on collecting what nobody reads.
  SN_ASSIGN(const Rows silent, connection.simple(sql::notice_unlisten, deadline_in(std::chrono::seconds(1))));
  return false;
}

}  // namespace syncnode::postgres
