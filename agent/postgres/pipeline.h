// Pipeline: statements sent one behind the other without waiting for answers, ended by one Sync: one exchange
// for a few of them, and a server that works at one while the next is on its way for many. The first failure
// skips the rest, as the server does. Refuses COPY, which libpq does not allow here, and more than a few
// unanswered statements or bytes. While it is open the connection takes nothing else. Owned by who ships; the
// connection's thread.
//
// A server that got only a part of it waits for the rest without a clock of its own, inside the transaction:
// the keepalives that Transaction::begin() asks for end that, so nothing that others wait for (the fence) may
// be locked in a pipeline.
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
  // How many were added since the last finish().
  size_t count() const { return answers_.size() + waiting_.size(); }
  // All answers, in their order, or the first failure; then it may be used again.
  Result<std::vector<Rows>> finish();
  // Of the last finish() that failed: which statement, from 0; nothing when it was the connection that
  // failed.
  std::optional<size_t> failed_at() const { return failed_at_; }

 private:
  struct Sent {
    size_t bytes = 0;
    std::chrono::milliseconds wait{};
  };
  friend class Transaction;
  Status open();
  Status take();
  Result<std::vector<Rows>> fail(Error error);

  Connection& connection_;
  std::deque<Sent> waiting_;
  size_t waiting_bytes_ = 0;
  std::vector<Rows> answers_;
  std::optional<Error> failure_;
  std::optional<size_t> failed_at_;
};

}  // namespace syncnode::postgres
