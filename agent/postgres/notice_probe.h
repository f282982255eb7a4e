// NoticeProbe: sends one notice over a connection of its own, opened for it alone, so that a session can find
// out whether notices reach it. On a thread of its own, since the connection may have to queue in a pooler
// and who asks must not. Gives the connection back at once; refuses to insist: what was not sent by its
// deadline is not sent. Made and destroyed on one thread; joining takes until that deadline at most.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "base/clock.h"
#include "postgres/connection.h"

namespace syncnode::postgres {

class NoticeProbe {
 public:
  NoticeProbe(ConnectOptions options, std::string payload, Deadline deadline);
  NoticeProbe(const NoticeProbe&) = delete;
  NoticeProbe& operator=(const NoticeProbe&) = delete;
  ~NoticeProbe();

  enum class State { kUnderWay, kSent, kNotSent };
  State state() const { return state_.load(); }

 private:
  void send(const ConnectOptions& options, const std::string& payload, Deadline deadline);

  std::atomic<State> state_{State::kUnderWay};
  std::thread thread_;  // none when there was none to be had: kNotSent
};

}  // namespace syncnode::postgres
