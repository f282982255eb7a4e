// KeeperTimes: how long a lease is, how often it is renewed, and when its holder stops by itself. Refuses an
// order in which one slow renewal could outlive the lease. Plain values, any thread.
#pragma once

#include <chrono>

#include "base/clock.h"
#include "base/result.h"
#include "lease/lease_store.h"

namespace syncnode::lease {

// After the last good renewal was sent, its holder stops acting: a quarter of the lease is the margin.
constexpr std::chrono::milliseconds step_down_after(std::chrono::seconds lease) {
  return std::chrono::milliseconds(lease) * 3 / 4;
}

struct KeeperTimes {
  std::chrono::milliseconds attempt;      // longest one renewal may take
  std::chrono::milliseconds renew_every;  // from one renewal's start to the next
  std::chrono::milliseconds step_down;    // after the last good renewal was sent: stop acting
  std::chrono::seconds lease;

  // From LEASE_DURATION and HEARTBEAT_INTERVAL: at least five renewals fit a lease, a quarter of it
  // is the margin (60/30: 3 s, 10 s, 45 s, 60 s).
  static KeeperTimes from(std::chrono::seconds lease, std::chrono::seconds heartbeat);
  // kInvalidArgument unless 0 < attempt < renew_every < step_down < lease.
  Status validate() const;
  // Until when a holder of this grant may act.
  Deadline act_until(const Grant& grant) const { return grant.expires - (lease - step_down); }
};

}  // namespace syncnode::lease
