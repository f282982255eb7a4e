#include "postgres/wire.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "postgres/sqlstate.h"

namespace syncnode::postgres {
namespace {

// OpenSSL may hold decrypted bytes that poll(2) cannot see (libpq reads at most what its buffer has room
// for), so a wait on TLS looks again this often. A refusal of COPY that is held so is told at its end.
constexpr std::chrono::milliseconds kTlsLook{20};

void count_notice(void* counter, const pg_result* /*notice*/) {
  ++*static_cast<uint64_t*>(counter);
}

bool is_copy(ExecStatusType status) {
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

bool is_success(ExecStatusType status) {
  return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY;
}

}  // namespace

Result<Ready> wait_ready(int socket, int cancel_fd, bool for_write, Deadline deadline) {
  const short events = static_cast<short>(POLLIN | (for_write ? POLLOUT : 0));
  std::array<pollfd, 2> watched{pollfd{socket, events, 0}, pollfd{cancel_fd, POLLIN, 0}};
  while (true) {
    const int ready = ::poll(watched.data(), watched.size(), poll_milliseconds(deadline));
    if (ready < 0 && errno != EINTR)
      return Error{ErrorCode::kInternal, "poll failed on a database connection", ""};
    if (ready > 0 && watched[1].revents != 0) {
      return Error{ErrorCode::kCancelled, "stopped while waiting for the database", ""};
    }
    if (ready > 0) {
      const bool broken = (watched[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
      return Ready{broken || (watched[0].revents & POLLIN) != 0,
                   broken || (watched[0].revents & POLLOUT) != 0};
    }
    if (BootClock::now() >= deadline) {
      return Error{ErrorCode::kDeadlineExceeded, "the database did not answer in time", ""};
    }
  }
}

StopFd::StopFd(std::stop_token token)
    : fd_(token.stop_possible() ? ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1),
      on_stop_(std::move(token), [fd = fd_.get()] {
        const uint64_t one = 1;
        // The counter cannot overflow by one addition; nothing else can fail here.
        static_cast<void>(!::write(fd, &one, sizeof one));
      }) {}

Wire::Wire(pg_conn* connection) : connection_(connection) {
  PQsetnonblocking(connection_, 1);
  PQsetNoticeReceiver(connection_, &count_notice, &notices_);
}

Wire::~Wire() {
  close();
}

void Wire::close() {
  PQfinish(connection_);
  connection_ = nullptr;
  copying_in = false;
  pipelining = false;
  syncs = 0;
}

void Wire::stop_with(std::stop_token token) {
  stop_.emplace(std::move(token));
}

Error Wire::closed() const {
  return {ErrorCode::kUnavailable, "the database connection is closed", ""};
}

Error Wire::connection_failure() {
  if (connection_ == nullptr) return closed();
  sqlstate.clear();
  Error error = error_of("", PQerrorMessage(connection_));
  if (error.message.empty()) error.message = "the database connection failed";
  close();
  return error;
}

Error Wire::error_of_result(pg_result* result) {
  const std::unique_ptr<pg_result, decltype(&PQclear)> owned(result, &PQclear);
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const char* hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
  sqlstate = state == nullptr ? "" : state;
  Error error = error_of(sqlstate, primary == nullptr ? PQresultErrorMessage(result) : primary);
  // Our own functions know better than a table what is to be done.
  if (hint != nullptr && (error.hint.empty() || sqlstate.starts_with("SN"))) error.hint = one_line(hint);
  return error;
}

Result<Ready> Wire::wait(bool for_write, Deadline wanted) {
  if (connection_ == nullptr) return closed();
  const Deadline deadline = std::min(wanted, latest);
  const bool tls = PQsslInUse(connection_) != 0;
  const Deadline look = tls ? std::min(deadline, deadline_in(kTlsLook)) : deadline;
  auto ready = wait_ready(PQsocket(connection_), stop_ ? stop_->get() : -1, for_write, look);
  if (ready) return ready;
  if (ready.error().code == ErrorCode::kDeadlineExceeded && BootClock::now() < deadline)
    return Ready{false, false, true};
  close();
  return ready;
}

Status Wire::sending(int accepted) {
  sqlstate.clear();
  if (accepted == 0) return connection_failure();
  return {};
}

Status Wire::send(std::string_view sql, const std::vector<Param>& params, bool binary) {
  if (connection_ == nullptr) return closed();
  give_way();
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
  std::vector<std::string> terminated;
  terminated.reserve(params.size());
  for (const Param& param : params) {
    // libpq wants text parameters NUL-terminated, binary ones with a length.
    terminated.emplace_back(param.binary ? std::string_view() : param.bytes);
    types.push_back(param.type);
    const char* bytes = param.binary ? param.bytes.data() : terminated.back().c_str();
    values.push_back(param.is_null ? nullptr : (bytes == nullptr ? "" : bytes));
    lengths.push_back(static_cast<int>(param.bytes.size()));
    formats.push_back(param.binary ? 1 : 0);
    sent += param.bytes.size();
  }
  sent += sql.size();
  return sending(PQsendQueryParams(connection_, std::string(sql).c_str(), static_cast<int>(params.size()),
                                   types.data(), values.data(), lengths.data(), formats.data(),
                                   binary ? 1 : 0));
}

Status Wire::send_simple(std::string_view sql) {
  if (connection_ == nullptr) return closed();
  give_way();
  sent += sql.size();
  return sending(PQsendQuery(connection_, std::string(sql).c_str()));
}

Result<bool> Wire::flush(Deadline deadline, bool stop_on_input) {
  while (connection_ != nullptr) {
    const int held_back = PQflush(connection_);
    if (held_back < 0) break;
    if (held_back == 0) {
      unflushed = 0;
      return false;
    }
    SN_ASSIGN(const Ready ready, wait(true, deadline));
    if (!ready.readable && !ready.may_hold) continue;
    SN_ASSIGN(const bool unexpected, take_input());
    // A network that stands still says nothing: only what came is a reason to stop.
    if (unexpected && ready.readable && stop_on_input) return true;
  }
  return connection_failure();
}

Status Wire::receive(Deadline deadline) {
  SN_ASSIGN(const Ready ready, wait(false, deadline));
  static_cast<void>(ready);
  if (PQconsumeInput(connection_) == 0) return connection_failure();
  return {};
}

Result<bool> Wire::unexpected_input() {
  if (connection_ == nullptr) return closed();
  pollfd watched{PQsocket(connection_), POLLIN, 0};
  if (::poll(&watched, 1, 0) == 0) return false;
  return take_input();
}

// An error that comes in one read with a notice before it is not seen here; the end of the COPY reports it.
Result<bool> Wire::take_input() {
  const uint64_t notices_before = notices_;
  if (PQconsumeInput(connection_) == 0) return connection_failure();
  PQisBusy(connection_);  // parses the notices
  return notices_ == notices_before;
}

Result<pg_result*> Wire::next_result(Deadline deadline) {
  while (connection_ != nullptr && PQisBusy(connection_) != 0) SN_TRY(receive(deadline));
  if (connection_ == nullptr) return closed();
  return PQgetResult(connection_);
}

Result<Rows> Wire::finish(Deadline deadline) {
  SN_ASSIGN(std::vector<Rows> results, finish_all(deadline));
  return std::move(results.back());
}

Result<std::vector<Rows>> Wire::finish_all(Deadline deadline) {
  Replies replies = finish_each(deadline);
  if (replies.failure) return std::move(*replies.failure);
  if (replies.rows.empty()) return Error{ErrorCode::kInternal, "the database answered with no result", ""};
  return std::move(replies.rows);
}

Replies Wire::finish_each(Deadline deadline) {
  Replies replies;
  if (auto flushed = flush(deadline); !flushed) {
    replies.failure = std::move(flushed).error();
    return replies;
  }
  std::string failure_state;
  while (true) {
    auto next = next_result(deadline);
    if (!next && !replies.failure) replies.failure = std::move(next).error();
    if (!next || *next == nullptr) break;
    const ExecStatusType status = PQresultStatus(*next);
    if (is_success(status)) {
      replies.rows.emplace_back(*next);
      received += replies.rows.back().size();
      continue;
    }
    if (is_copy(status)) {
      PQclear(*next);
      close();
      replies.failure = Error{ErrorCode::kInternal, "a COPY was given to a call that is not for COPY", ""};
      return replies;
    }
    Error error = error_of_result(*next);
    if (replies.failure) continue;
    replies.failure = std::move(error);
    failure_state = sqlstate;
  }
  if (usable() && PQstatus(connection_) == CONNECTION_BAD) close();
  // What a server says before it hangs up tells more than the hang-up.
  sqlstate = failure_state;
  return replies;
}

void Wire::leave_pipeline(Deadline deadline) {
  if (!pipelining) return;
  pipelining = false;
  if (PQpipelineSync(connection_) == 0 || !flush(deadline)) return close();
  ++syncs;
  while (syncs > 0) {
    const auto next = next_result(deadline);
    if (!next) return close();
    if (*next != nullptr && PQresultStatus(*next) == PGRES_PIPELINE_SYNC) --syncs;
    PQclear(*next);
    if (PQstatus(connection_) == CONNECTION_BAD) return close();
  }
  if (PQexitPipelineMode(connection_) == 0) close();
}

}  // namespace syncnode::postgres
