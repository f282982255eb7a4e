// Pipeline: statements sent one behind the other without waiting for answers: one exchange for a few of them,
// and a server that works at one while the next is on its way for many. The first failure skips the rest, as
// the server does. Refuses COPY, which libpq does not allow here, and more than a few unanswered statements
// or bytes. While it is open the connection takes nothing else. Owned by who ships; the connection's thread.
//
// Inside a transaction each statement has a Sync of its own. A server that got only a part of the pipeline
// waits for the rest, whether the network was cut or the client is frozen:
// idle_in_transaction_session_timeout runs only behind a Sync. The guard behind each keeps what follows
// a BEGIN that failed from committing by itself.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "postgres/connection.h"

namespace syncnode::postgres {

class Pipeline {
 public:
  explicit Pipeline(Connection& connection) : connection_(connection) {}
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;
  ~Pipeline();  // what is not answered is not waited for longer than a second

  // `wait`: how long the server may take for this one, counted from when it is its turn. Fails with what an
  // earlier one failed with, if that is known by now. Parameters are borrowed until it returns.
  Status add(std::string_view sql, const std::vector<Param>& params, std::chrono::milliseconds wait);
  // From now on the statements belong to the transaction that is, or was just, begun.
  Status guard();
  // How many were added since the last finish().
  size_t count() const { return count_; }
  // All answers, in their order, or the first failure; then it may be used again.
  Result<std::vector<Rows>> finish();
  // Of the last finish() that failed: which statement, from 0; nothing when it was the connection that
  // failed.
  std::optional<size_t> failed_at() const { return failed_at_; }

 private:
  struct Sent {
    size_t bytes = 0;
    std::chrono::milliseconds wait{};
    bool asked = true;    // its answer is the caller's
    bool synced = false;  // a Sync follows
  };
  friend class Transaction;
  Status open();
  Status send(std::string_view sql, const std::vector<Param>& params, std::chrono::milliseconds wait,
              bool asked);
  Status sync();
  Status take();
  Result<std::vector<Rows>> fail(Error error);

  Connection& connection_;
  std::deque<Sent> waiting_;
  size_t waiting_bytes_ = 0;
  size_t count_ = 0;
  bool guarded_ = false;
  std::vector<Rows> answers_;
  std::optional<Error> failure_;
  std::optional<size_t> failed_at_;
};

}  // namespace syncnode::postgres
