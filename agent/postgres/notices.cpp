// Connection, the part that listens.
#include <libpq-fe.h>

#include "postgres/connection.h"
#include "postgres/wire.h"

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

}  // namespace syncnode::postgres
