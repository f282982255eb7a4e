#include "postgres/pipeline.h"

#include <libpq-fe.h>

#include <utility>

#include "postgres/wire.h"
#include "sql/queries.h"

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

Status Pipeline::guard() {
  guarded_ = true;
  return waiting_.empty() || waiting_.back().synced ? Status() : sync();
}

Status Pipeline::sync() {
  Wire& wire = *connection_.wire_;
  if (PQpipelineSync(wire.get()) == 0) return wire.connection_failure();
  ++wire.syncs;
  waiting_.back().synced = true;
  return {};
}

Status Pipeline::send(std::string_view sql, const std::vector<Param>& params, std::chrono::milliseconds wait,
                      bool asked) {
  Wire& wire = *connection_.wire_;
  const uint64_t before = wire.sent;
  SN_TRY(wire.send(sql, params, false));
  const size_t bytes = static_cast<size_t>(wire.sent - before);
  waiting_.push_back({bytes, wait, asked, false});
  waiting_bytes_ += bytes;
  return {};
}

Status Pipeline::add(std::string_view sql, const std::vector<Param>& params, std::chrono::milliseconds wait) {
  if (failure_) return *failure_;
  SN_TRY(open());
  Wire& wire = *connection_.wire_;
  SN_TRY(send(sql, params, wait, true));
  ++count_;
  // Behind it, so that before the next one, which may be long on its way, the server has nothing but a Sync.
  if (guarded_) SN_TRY(send(sql::transaction_guard, {}, wait, false));
  if (guarded_) SN_TRY(sync());
  if (waiting_bytes_ <= kWindowBytes && waiting_.size() <= kWindowStatements) return {};
  if (!guarded_ && PQsendFlushRequest(wire.get()) == 0) return wire.connection_failure();
  SN_ASSIGN(const bool interrupted, wire.flush(deadline_in(waiting_.front().wait)));
  static_cast<void>(interrupted);
  // This one stays on its way while the server was at those before it.
  const size_t newest = guarded_ ? 2 : 1;
  while (waiting_.size() > newest && !failure_) SN_TRY(take());
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
  if (failure_) {
    PQclear(result);  // what follows a failure is skipped, or told that the transaction is over
  } else if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
    const Rows answer(result);
    wire.received += answer.size();
    if (sent.asked) answers_.push_back(answer);
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
  bool in_turn = end == nullptr;
  PQclear(end);
  if (in_turn && sent.synced) {
    SN_ASSIGN(pg_result * synced, wire.next_result(deadline));
    in_turn = PQresultStatus(synced) == PGRES_PIPELINE_SYNC;
    PQclear(synced);
    if (in_turn) --wire.syncs;
  }
  if (in_turn) return {};
  wire.close();
  return Error{ErrorCode::kInternal, "the database answered out of turn", ""};
}

Result<std::vector<Rows>> Pipeline::fail(Error error) {
  waiting_.clear();
  waiting_bytes_ = 0;
  count_ = 0;
  answers_.clear();
  failure_.reset();
  return error;
}

Result<std::vector<Rows>> Pipeline::finish() {
  Wire& wire = *connection_.wire_;
  if (!wire.usable()) return fail(wire.closed());
  if (wire.pipelining) {
    if (!waiting_.empty() && !waiting_.back().synced) {
      if (Status sent = sync(); !sent) return fail(std::move(sent).error());
    }
    const auto wait = waiting_.empty() ? std::chrono::milliseconds(kAbandonWait) : waiting_.front().wait;
    if (auto flushed = wire.flush(deadline_in(wait)); !flushed) return fail(std::move(flushed).error());
    while (!waiting_.empty()) {
      if (Status taken = take(); !taken) return fail(std::move(taken).error());
    }
    wire.pipelining = false;
    if (PQexitPipelineMode(wire.get()) == 0) return fail(wire.connection_failure());
  }
  if (failure_) return fail(std::move(*std::exchange(failure_, std::nullopt)));
  count_ = 0;
  return std::exchange(answers_, {});
}

}  // namespace syncnode::postgres
