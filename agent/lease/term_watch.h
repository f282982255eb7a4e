// TermWatch: the clock of a term. Knows until when its holder may act, compares CLOCK_BOOTTIME with that at
// every question, and rings from a thread of its own when nobody moved the deadline in time, so that a
// renewal that hangs cannot delay the stop. Refuses to renew and to revive a lost term. Owned by who renews
// (Keeper, Elector), which alone calls begin() and extend(); the rest from any thread.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace syncnode::lease {

class TermWatch {
 public:
  static Result<std::unique_ptr<TermWatch>> start();
  TermWatch(const TermWatch&) = delete;
  TermWatch& operator=(const TermWatch&) = delete;
  ~TermWatch();  // joins; requests no stop

  // A new term: `stop` is requested once, when it is lost. The one before must be lost or over.
  void begin(std::string cluster_name, Deadline act_until, std::stop_source stop);
  // False when the term was lost first: a late answer does not revive it.
  bool extend(Deadline act_until);
  // The first reason stays. Nothing without a term.
  void lose(Error why);

  bool may_act() const { return BootClock::now() < act_until(); }
  // The epoch of the clock when there is no term, or none any more.
  Deadline act_until() const;
  // Why the present or last term was lost; nothing while it is held.
  std::optional<Error> loss() const;

 private:
  TermWatch();
  void watch_until_ended();
  void ring_at(Deadline when);

  const UniqueFd ended_;               // eventfd: readable when the watch is being destroyed
  const UniqueFd timer_;               // timerfd on CLOCK_BOOTTIME: after a suspend it rings at once
  std::atomic<int64_t> act_until_{0};  // nanoseconds of BootClock; 0 without a term
  mutable std::mutex mutex_;
  std::string cluster_name_;
  bool held_ = false;
  std::optional<Error> loss_;
  std::stop_source stop_{std::nostopstate};
  std::thread thread_;
};

}  // namespace syncnode::lease
