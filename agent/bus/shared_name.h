// SharedName: the unqualified name, by which host tools reach the leader. Every node always stands in the
// queue for it, which is what lets one bus policy rule (send_destination) open every node; a leader takes it
// over the head of whoever owns it, since all allow replacement: so a frozen owner is replaced. A deposed
// leader goes to the end of the queue. With no leader on this host somebody of the queue owns it, answers
// what is open, and says NotLeader to the rest. Bus thread only; lives as long as the connection.
#pragma once

#include "base/log.h"
#include "bus/driver.h"

namespace syncnode::bus {

class SharedName {
 public:
  SharedName(Driver& driver, Log& log) : driver_(driver), log_(log) {}

  void queue_now(bool leading);  // while connecting; throws sdbus::Error
  void lead(bool leading);

 private:
  Driver& driver_;
  Log& log_;
};

}  // namespace syncnode::bus
