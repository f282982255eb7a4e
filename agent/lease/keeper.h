// Keeper: holds a granted term while work is done under it. One thread renews on its own store, another
// watches the step-down deadline, so that a renewal that hangs cannot delay the stop. Refuses to decide who
// leads and to revive a lost term. Destroy it after the work has ended: it releases the term. may_act() from
// any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "lease/lease_store.h"

namespace syncnode::lease {

struct KeeperTimes {
  std::chrono::milliseconds attempt;      // longest one renewal may take
  std::chrono::milliseconds renew_every;  // from one renewal's start to the next
  std::chrono::milliseconds step_down;    // after the last good renewal was sent: stop acting
  std::chrono::seconds lease;

  // From LEASE_DURATION and HEARTBEAT_INTERVAL: five renewals fit a lease, a quarter of it is the margin.
  static KeeperTimes from(std::chrono::seconds lease, std::chrono::seconds heartbeat);
  // kInvalidArgument unless 0 < attempt < renew_every < step_down < lease.
  Status validate() const;
};

class Keeper {
 public:
  // `times` must be valid (kInternal otherwise). A lost term requests a stop on `stop`, once.
  static Result<std::unique_ptr<Keeper>> start(std::unique_ptr<LeaseStore> store, Grant grant,
                                               const KeeperTimes& times, std::stop_source stop);
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  // Joins (at most one attempt long) and gives the term back (at most one attempt more).
  ~Keeper();

  const Term& term() const { return term_; }
  // Compares the clock with the deadline at every call; false for ever once the term is lost.
  bool may_act() const;
  Deadline act_until() const;
  // Why the term was lost; nothing while it is held.
  std::optional<Error> loss() const;

 private:
  Keeper(std::unique_ptr<LeaseStore> store, Grant grant, const KeeperTimes& times, std::stop_source stop);
  void renew_until_ended();
  void watch_until_ended();
  void extend(const Grant& grant);
  void lose(Error why);
  bool ended_before(Deadline deadline) const;

  const std::unique_ptr<LeaseStore> store_;
  const Term term_;
  const KeeperTimes times_;
  std::stop_source stop_;
  const UniqueFd ended_;  // eventfd: readable when the keeper is being destroyed
  const UniqueFd
      timer_;  // timerfd on CLOCK_BOOTTIME: rings at the step-down deadline, after a suspend at once
  std::atomic<int64_t> act_until_{0};  // nanoseconds of BootClock; 0 once lost
  mutable std::mutex mutex_;
  std::optional<Error> loss_;
  std::thread renewer_;
  std::thread watcher_;
};

}  // namespace syncnode::lease
