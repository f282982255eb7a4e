#include "postgres/pipeline.h"

#include <libpq-fe.h>

#include <utility>

#include "postgres/wire.h"

namespace syncnode::postgres {
namespace {

// Above this the server is asked to tell how far it is, so that neither side keeps more than a few answers or
// megabytes: well above what a small change needs, which then takes one exchange.
constexpr size_t kWindowBytes = size_t{512} << 10;
constexpr size_t kWindowStatements = 500;
constexpr std::chrono::seconds kAbandonWait{1};

}  // namespace

Pipeline::~Pipeline() {
  connection_.wire_->leave_pipeline(deadline_in(kAbandonWait));
}

Status Pipeline::open() {
  Wire& wire = *connection_.wire_;
  if (!wire.usable()) return wire.closed();
  if (wire.pipelining) return {};
  SN_TRY(connection_.may_ask());
  failed_at_.reset();
  if (PQenterPipelineMode(wire.get()) == 0) return wire.connection_failure();
  wire.pipelining = true;
  return {};
}

Status Pipeline::add(std::string_view sql, const std::vector<Param>& params, std::chrono::milliseconds wait) {
  if (failure_) return *failure_;
  SN_TRY(open());
  Wire& wire = *connection_.wire_;
  const uint64_t before = wire.sent;
  SN_TRY(wire.send(sql, params, false));
  const size_t bytes = static_cast<size_t>(wire.sent - before);
  waiting_.push_back({bytes, wait});
  waiting_bytes_ += bytes;
  if (waiting_bytes_ <= kWindowBytes && waiting_.size() <= kWindowStatements) return {};
  if (PQsendFlushRequest(wire.get()) == 0) return wire.connection_failure();
  SN_ASSIGN(const bool interrupted, wire.flush(deadline_in(waiting_.front().wait)));
  static_cast<void>(interrupted);
  // This one stays on its way while the server was at those before it.
  while (waiting_.size() > 1 && !failure_) SN_TRY(take());
  return failure_ ? Status(*failure_) : Status();
}

// The answer to the first that waits.
Status Pipeline::take() {
  Wire& wire = *connection_.wire_;
  const Sent sent = waiting_.front();
  const Deadline deadline = deadline_in(sent.wait);
  SN_ASSIGN(pg_result * result, wire.next_result(deadline));
  if (result == nullptr) {
    wire.close();
    return Error{ErrorCode::kInternal, "the database answered out of turn", ""};
  }
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
    answers_.emplace_back(result);
    wire.received += answers_.back().size();
  } else if (status == PGRES_PIPELINE_ABORTED && failure_) {
    PQclear(result);
  } else {
    Error error = wire.error_of_result(result);
    if (PQstatus(wire.get()) == CONNECTION_BAD) {
      const std::string state = wire.sqlstate;
      wire.close();
      wire.sqlstate = state;
      return error;
    }
    failure_ = std::move(error);
    failed_at_ = answers_.size();
  }
  waiting_.pop_front();
  waiting_bytes_ -= sent.bytes;
  SN_ASSIGN(pg_result * end, wire.next_result(deadline));
  if (end == nullptr) return {};
  PQclear(end);
  wire.close();
  return Error{ErrorCode::kInternal, "a pipeline was given more than one statement at once", ""};
}

Result<std::vector<Rows>> Pipeline::fail(Error error) {
  waiting_.clear();
  waiting_bytes_ = 0;
  answers_.clear();
  failure_.reset();
  return error;
}

Result<std::vector<Rows>> Pipeline::finish() {
  Wire& wire = *connection_.wire_;
  if (!wire.usable()) return fail(wire.closed());
  if (!wire.pipelining) return std::exchange(answers_, {});
  if (PQpipelineSync(wire.get()) == 0) return fail(wire.connection_failure());
  const auto wait = waiting_.empty() ? std::chrono::milliseconds(kAbandonWait) : waiting_.front().wait;
  if (auto flushed = wire.flush(deadline_in(wait)); !flushed) return fail(std::move(flushed).error());
  while (!waiting_.empty()) {
    if (Status taken = take(); !taken) return fail(std::move(taken).error());
  }
  const std::string state = wire.sqlstate;
  auto last = wire.next_result(deadline_in(kAbandonWait));
  if (!last) return fail(std::move(last).error());
  const bool synced = PQresultStatus(*last) == PGRES_PIPELINE_SYNC;
  PQclear(*last);
  wire.pipelining = false;
  if (!synced || PQexitPipelineMode(wire.get()) == 0) return fail(wire.connection_failure());
  wire.sqlstate = state;
  if (failure_) return fail(std::move(*std::exchange(failure_, std::nullopt)));
  return std::exchange(answers_, {});
}

}  // namespace syncnode::postgres
