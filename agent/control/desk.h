// Desk: the thread on which a node answers what needs the database: one question after the other, over one
// connection that closes when nobody asks: a direct one after a while, a pooler's at once, since there it may
// be one of very few. Refuses more questions than fit its queue, and to keep anybody
// waiting beyond the question's deadline. post() from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "postgres/connection.h"

namespace syncnode::control {

class Desk {
 public:
  // Called exactly once: with a usable connection, or with the reason why there is none (shutdown, no
  // database, waited too long).
  using Question = std::function<void(Result<postgres::Connection*> connection, Deadline deadline)>;

  explicit Desk(postgres::ConnectOptions connect);
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;
  ~Desk();  // answers what waits with kUnavailable, joins

  // kResourceExhausted when too many wait: then `question` is not called.
  Status post(Question question);

  // Grows whenever the loop turned; at least every 5 s while it is alive and nothing hangs.
  uint64_t turns() const { return turns_.load(); }

 private:
  struct Waiting {
    Question question;
    Deadline deadline;
  };
  void work(const std::stop_token& stop);
  std::optional<Waiting> next(const std::stop_token& stop);
  bool nobody_waits();
  void answer(const Waiting& waiting, const std::stop_token& stop);

  const postgres::ConnectOptions connect_;
  std::optional<postgres::Connection> connection_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Waiting> queue_;
  std::atomic<uint64_t> turns_{0};
  std::jthread thread_;
};

}  // namespace syncnode::control
