#include <libpq-fe.h>

#include <algorithm>
#include <memory>

#include "postgres/wire.h"

namespace syncnode::postgres {
namespace {

// Small pieces let a server's error be seen early; the limit keeps libpq's buffer, which it compacts by
// memmove whenever the socket is full, small.
constexpr size_t kPiece = size_t{64} << 10;
constexpr size_t kMostUnflushed = size_t{256} << 10;
constexpr std::chrono::seconds kAbandonWait{1};

}  // namespace

Status Connection::copy_in_begin(std::string_view sql, Deadline deadline) {
  if (wire_->copying_in)
    return Error{ErrorCode::kInternal, "a COPY was begun while another is under way", ""};
  SN_TRY(wire_->send_simple(sql));
  SN_ASSIGN(const bool interrupted, wire_->flush(deadline));
  static_cast<void>(interrupted);
  SN_ASSIGN(pg_result * first, wire_->next_result(deadline));
  if (PQresultStatus(first) == PGRES_COPY_IN) {
    PQclear(first);
    wire_->copying_in = true;
    wire_->unflushed = 0;
    return {};
  }
  const bool failed = PQresultStatus(first) == PGRES_FATAL_ERROR;
  Error error = wire_->error_of_result(first);
  const std::string state = wire_->sqlstate;
  // Whatever follows (nothing, normally) must not be taken for the answer to the next statement.
  auto rest = wire_->next_result(deadline);
  if (!rest || *rest != nullptr) {
    if (rest) PQclear(*rest);
    wire_->close();
  }
  wire_->sqlstate = state;
  if (failed) return error;
  wire_->close();
  return Error{ErrorCode::kInternal, "copy_in_begin was given a statement that is no COPY FROM STDIN", ""};
}

// The server gave up: end the COPY from our side too and fetch its error.
Status Connection::copy_in_failure(Deadline deadline) {
  wire_->copying_in = false;
  if (PQputCopyEnd(wire_->get(), "the server reported an error") < 0) return wire_->connection_failure();
  auto result = wire_->finish(deadline);
  if (!result) return std::move(result).error();
  wire_->close();
  return Error{ErrorCode::kInternal, "a COPY that was broken off succeeded", ""};
}

Status Connection::copy_in_write(std::string_view bytes, Deadline deadline) {
  if (!wire_->usable()) return wire_->closed();
  if (!wire_->copying_in) return Error{ErrorCode::kInternal, "COPY data without a COPY", ""};
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kPiece);
    wire_->give_way();
    SN_ASSIGN(const bool refused, wire_->unexpected_input());
    if (refused) return copy_in_failure(deadline);
    const int accepted = PQputCopyData(wire_->get(), piece.data(), static_cast<int>(piece.size()));
    if (accepted < 0) return wire_->connection_failure();
    if (accepted == 1) {
      bytes.remove_prefix(piece.size());
      wire_->sent += piece.size();
      wire_->unflushed += piece.size();
    }
    if (accepted == 1 && wire_->unflushed < kMostUnflushed) continue;
    SN_ASSIGN(const bool refused_meanwhile, wire_->flush(deadline, true));
    if (refused_meanwhile) return copy_in_failure(deadline);
  }
  return {};
}

Result<int64_t> Connection::copy_in_finish(Deadline deadline) {
  if (!wire_->usable()) return wire_->closed();
  if (!wire_->copying_in) return Error{ErrorCode::kInternal, "the end of a COPY without a COPY", ""};
  wire_->copying_in = false;
  if (PQputCopyEnd(wire_->get(), nullptr) < 0) return wire_->connection_failure();
  SN_ASSIGN(const Rows result, wire_->finish(deadline));
  return result.affected();
}

void Connection::copy_in_abandon(std::string_view reason) {
  if (!wire_->usable() || !wire_->copying_in) return;
  wire_->copying_in = false;
  const bool ended = PQputCopyEnd(wire_->get(), std::string(reason).c_str()) == 1;
  // The server answers with the reason as an error: that is the success here. No answer closes the
  // connection.
  if (!ended || wire_->finish(deadline_in(kAbandonWait)).has_value()) wire_->close();
}

Status Connection::copy_out(std::string_view sql, const std::function<Status(std::string_view)>& on_chunk,
                            Deadline deadline) {
  if (wire_->copying_in)
    return Error{ErrorCode::kInternal, "a COPY was begun while another is under way", ""};
  SN_TRY(wire_->send_simple(sql));
  SN_ASSIGN(const bool interrupted, wire_->flush(deadline));
  static_cast<void>(interrupted);
  SN_ASSIGN(pg_result * first, wire_->next_result(deadline));
  if (PQresultStatus(first) != PGRES_COPY_OUT) {
    const bool failed = PQresultStatus(first) == PGRES_FATAL_ERROR;
    Error error = wire_->error_of_result(first);
    const std::string state = wire_->sqlstate;
    if (!failed || wire_->finish(deadline).has_value()) wire_->close();
    wire_->sqlstate = state;
    if (failed) return error;
    return Error{ErrorCode::kInternal, "copy_out was given a statement that is no COPY TO STDOUT", ""};
  }
  PQclear(first);
  while (true) {
    char* bytes = nullptr;
    const int length = PQgetCopyData(wire_->get(), &bytes, 1);
    const std::unique_ptr<char, decltype(&PQfreemem)> owned(bytes, &PQfreemem);
    if (length == 0) {
      wire_->give_way();
      SN_TRY(wire_->receive(deadline));
    } else if (length > 0) {
      wire_->received += static_cast<uint64_t>(length);
      Status taken = on_chunk({bytes, static_cast<size_t>(length)});
      if (!taken) {
        wire_->close();
        return taken;
      }
    } else if (length == -1) {
      SN_ASSIGN(const Rows result, wire_->finish(deadline));
      return {};
    } else {
      return wire_->connection_failure();
    }
  }
}

}  // namespace syncnode::postgres
