#include <fmt/format.h>
#include <libpq-fe.h>

#include "postgres/fill.h"
#include "postgres/pipeline.h"
#include "postgres/script.h"
#include "postgres/wire.h"
#include "sql/queries.h"

namespace syncnode::postgres {
namespace {

constexpr std::chrono::seconds kRollbackWait{1};

Result<std::string> opening(const TransactionOptions& options) {
  return fill(sql::transaction_begin,
              {{"isolation", options.repeatable_read ? "REPEATABLE READ" : "READ COMMITTED"}});
}

Result<std::string> settings(const TransactionOptions& options) {
  return fill(sql::transaction_settings,
              {{"statement_timeout", std::to_string(options.statement_timeout.count())},
               {"lock_timeout", std::to_string(options.lock_timeout.count())},
               {"idle_timeout", std::to_string(options.idle_timeout.count())},
               {"synchronous_commit", options.wait_for_disk ? "on" : "off"},
               {"plan_cache_mode", options.any_parameters ? "force_generic_plan" : "auto"}});
}

Result<std::string> prologue(const TransactionOptions& options) {
  SN_ASSIGN(const std::string begin, opening(options));
  SN_ASSIGN(const std::string set, settings(options));
  return begin + ";" + set + ";";
}

}  // namespace

Status Transaction::can_begin(const Connection& connection) {
  const Wire& wire = *connection.wire_;
  if (!wire.usable()) return wire.closed();
  if (PQtransactionStatus(wire.get()) == PQTRANS_IDLE) return {};
  return Error{ErrorCode::kInternal, "a transaction was begun inside another", ""};
}

Result<Transaction> Transaction::begin(Connection& connection, const TransactionOptions& options,
                                       Deadline deadline) {
  SN_TRY(can_begin(connection));
  SN_ASSIGN(const std::string opening, prologue(options));
  Transaction transaction(connection);  // rolls back when the prologue fails half-way
  SN_ASSIGN(const Rows done, connection.simple(opening, deadline));
  return transaction;
}

Result<Transaction> Transaction::begin(Pipeline& pipeline, const TransactionOptions& options,
                                       std::chrono::milliseconds wait) {
  SN_TRY(can_begin(pipeline.connection_));
  SN_ASSIGN(const std::string begin, opening(options));
  SN_ASSIGN(const std::string set, settings(options));
  Transaction transaction(pipeline.connection_);
  SN_TRY(pipeline.add(begin, {}, wait));
  SN_TRY(pipeline.add(set, {}, wait));
  SN_TRY(pipeline.guard());
  return transaction;
}

Result<Transaction::Outcome> Transaction::once(Connection& connection, const TransactionOptions& options,
                                               std::string_view sql, std::string_view after,
                                               Deadline deadline) {
  SN_TRY(can_begin(connection));
  SN_ASSIGN(std::string text, prologue(options));
  text.append(sql).append(";COMMIT;").append(after);
  const Transaction transaction(connection);  // rolls back when the message fails half-way
  auto done = connection.simple_all(text, deadline);
  if (!done && connection.usable()) return std::move(done).error();
  if (!done) {
    return Error{ErrorCode::kOutcomeUnknown, "no answer came: " + done.error().message,
                 "read back what was committed before acting"};
  }
  // From the end: how many the prologue has is its own affair.
  const size_t from_end = after.empty() ? 2 : 3;
  if (done->size() < from_end) return Error{ErrorCode::kInternal, "the database answered too little", ""};
  std::optional<Rows> last;
  if (!after.empty()) last.emplace(std::move(done->back()));
  return Outcome{std::move((*done)[done->size() - from_end]), std::move(last)};
}

Transaction::Transaction(Transaction&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)) {}

Transaction::~Transaction() {
  if (connection_ == nullptr || !connection_->usable()) return;
  Wire& wire = *connection_->wire_;
  const std::string state = wire.sqlstate;
  wire.leave_pipeline(deadline_in(kRollbackWait));
  if (!wire.usable()) return;
  if (wire.copying_in || PQtransactionStatus(wire.get()) == PQTRANS_ACTIVE) {
    connection_->close();
    return;
  }
  if (PQtransactionStatus(wire.get()) == PQTRANS_IDLE) return;
  if (!connection_->simple("ROLLBACK", deadline_in(kRollbackWait))) connection_->close();
  connection_->wire_->sqlstate = state;
}

Status Transaction::commit(Deadline deadline) {
  if (connection_ == nullptr) return Error{ErrorCode::kInternal, "a transaction was committed twice", ""};
  Connection& connection = *connection_;
  if (!connection.usable()) {
    return Error{ErrorCode::kUnavailable, "the connection was lost before COMMIT was sent", ""};
  }
  auto done = connection.simple("COMMIT", deadline);
  if (!done && !connection.usable()) {
    return Error{ErrorCode::kOutcomeUnknown, "COMMIT was sent and no answer came: " + done.error().message,
                 "read back what was committed before acting"};
  }
  if (!done) return std::move(done).error();
  connection_ = nullptr;
  if (done->tag() == "COMMIT") return {};
  return Error{ErrorCode::kAborted, "the server rolled back instead of committing", ""};
}

Status Transaction::commit(const Script& last, const Script& after, Deadline deadline,
                           std::optional<Error>* after_failure) {
  if (connection_ == nullptr) return Error{ErrorCode::kInternal, "a transaction was committed twice", ""};
  Connection& connection = *connection_;
  if (!connection.usable()) {
    return Error{ErrorCode::kUnavailable, "the connection was lost before COMMIT was sent", ""};
  }
  std::string text = last.text() + ";COMMIT";
  if (after.count() > 0) text += ";" + after.text();
  Replies replies = connection.simple_each(text, deadline);
  if (replies.rows.size() <= last.count() && !connection.usable()) {
    return Error{ErrorCode::kOutcomeUnknown,
                 "COMMIT was sent and no answer came: " +
                     (replies.failure ? replies.failure->message : std::string("the connection was lost")),
                 "read back what was committed before acting"};
  }
  if (replies.rows.size() <= last.count()) {
    if (replies.failure) return std::move(*replies.failure);
    return Error{ErrorCode::kInternal, "the database answered too little", ""};
  }
  connection_ = nullptr;
  if (replies.rows[last.count()].tag() != "COMMIT")
    return Error{ErrorCode::kAborted, "the server rolled back instead of committing", ""};
  if (after_failure != nullptr) *after_failure = std::move(replies.failure);
  return {};
}

}  // namespace syncnode::postgres
