// RightOfWay: a short exchange of one thread goes before the bulk of others. It says when it will ask; who
// reads or moves much holds still from a moment before until the answer is there, so that the exchange meets
// empty queues: in the network, in the server's WAL buffers, on the processors. Refuses to be relied on: who
// gives way does so for at most kLead + kMost, whatever becomes of the exchange. Any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "base/clock.h"

namespace syncnode {

class RightOfWay {
 public:
  // What was sent before must have been taken in by then.
  static constexpr std::chrono::milliseconds kLead{25};
  static constexpr std::chrono::milliseconds kMost{100};

  void announce(Deadline at);  // the next exchange begins then; the one before is over
  void passed();               // it is over, and the next is not announced

  // Returns at once but for that moment. One load and a look at the clock, for the bulk's inner loop.
  void give_way(Deadline now = BootClock::now()) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::atomic<int64_t> at_{0};  // nanoseconds of BootClock; 0: none is announced
};

}  // namespace syncnode
