// Wire: one libpq connection in non-blocking mode and the only loops that wait on it. Every wait ends by an
// answer, a deadline, a stop request or a lost connection; the latter three close it. Refuses to know SQL.
// One thread; a stop request may come from any.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/right_of_way.h"
#include "base/unique_fd.h"
#include "postgres/connection.h"

struct pg_conn;

namespace syncnode::postgres {

struct Ready {
  bool readable = false;
  bool writable = false;
  bool may_hold = false;  // neither, but TLS may have decrypted what poll(2) does not tell of
};

// poll(2) on one socket and (when >= 0) an eventfd. kDeadlineExceeded, or kCancelled when the eventfd fired.
Result<Ready> wait_ready(int socket, int cancel_fd, bool for_write, Deadline deadline);

// An eventfd that becomes readable when a stop is requested: what a wait can watch beside its socket. -1 when
// none ever will be.
class StopFd {
 public:
  explicit StopFd(std::stop_token token);
  StopFd(const StopFd&) = delete;
  StopFd& operator=(const StopFd&) = delete;
  int get() const { return fd_.get(); }

 private:
  const UniqueFd fd_;
  const std::stop_callback<std::function<void()>> on_stop_;
};

class Wire {
 public:
  // Takes an established connection.
  explicit Wire(pg_conn* connection);
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire();

  pg_conn* get() const { return connection_; }
  bool usable() const { return connection_ != nullptr; }
  void close();
  void stop_with(std::stop_token token);
  void give_way_to(std::shared_ptr<const RightOfWay> other) { gives_way_to_ = std::move(other); }
  // Before anything that makes the server work or the network carry much.
  void give_way() const {
    if (gives_way_to_ != nullptr) gives_way_to_->give_way();
  }

  // Begin a statement; `simple` when it may hold several statements or a COPY.
  Status send(std::string_view sql, const std::vector<Param>& params, bool binary);
  Status send_simple(std::string_view sql);

  // Writes all that libpq holds back, reading meanwhile. Nothing: written. True: something readable came
  // first and `stop_on_input` was asked for.
  Result<bool> flush(Deadline deadline, bool stop_on_input = false);
  // The next result; null when the statement has ended.
  Result<pg_result*> next_result(Deadline deadline);
  // Runs to the end of the statement: its last result, or the server's first error.
  Result<Rows> finish(Deadline deadline);
  // The same with the result of every statement of the message, one at least.
  Result<std::vector<Rows>> finish_all(Deadline deadline);
  // The same, and what had been answered before something failed.
  Replies finish_each(Deadline deadline);
  // Ends a pipeline that is not wanted any more: what it said is dropped, no answer in time closes.
  void leave_pipeline(Deadline deadline);
  // Waits until the socket is readable and gives the bytes to libpq.
  Status receive(Deadline deadline);
  // Looks, without waiting, whether the server said anything but notices (in COPY … FROM STDIN only errors
  // do).
  Result<bool> unexpected_input();

  // The server's error of a result, remembered in `sqlstate`; the result is freed.
  Error error_of_result(pg_result* result);
  // What libpq says about the connection; closes it when it is lost.
  Error connection_failure();
  Error closed() const;

  std::string sqlstate;
  uint64_t sent = 0;
  uint64_t received = 0;
  size_t unflushed = 0;  // COPY bytes given to libpq since it last held nothing back
  bool copying_in = false;
  bool pipelining = false;
  size_t syncs = 0;                   // of a pipeline, sent and not answered
  Deadline latest = Deadline::max();  // no wait outlasts it

 private:
  Result<Ready> wait(bool for_write, Deadline wanted);
  Status sending(int accepted);
  Result<bool> take_input();  // true when what was read was more than notices

  pg_conn* connection_;
  uint64_t notices_ = 0;
  std::optional<StopFd> stop_;
  std::shared_ptr<const RightOfWay> gives_way_to_;
};

}  // namespace syncnode::postgres
