// SleepGuard: asks logind to wait a moment before the host sleeps or shuts down, gives the node that moment
// to hand its lease over, and lets go. logind itself bounds the wait (InhibitDelayMaxSec, 5 s). Without
// logind nothing is asked and nothing fails. Bus thread only; lives as long as the connection.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "bus/mailbox.h"

namespace syncnode::bus {

class SleepGuard {
 public:
  // Called on the bus thread; `done` from any thread, any number of times, also late.
  using GoingAway = std::function<void(std::function<void()> done)>;

  SleepGuard(sdbus::IConnection& connection, std::string who, GoingAway going_away,
             std::shared_ptr<Mailbox> mailbox, Log& log);
  ~SleepGuard();

 private:
  struct State;
  std::shared_ptr<State> state_;  // a `done` that comes late finds it gone
  std::vector<sdbus::Slot> matches_;
};

}  // namespace syncnode::bus
