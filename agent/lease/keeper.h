// Keeper: holds a granted term while work is done under it. One thread renews on its own store, a TermWatch
// stops the work when that hangs. Refuses to decide who leads and to revive a lost term. Destroy it after the
// work has ended: it releases the term. may_act() from any thread.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "lease/lease_store.h"
#include "lease/term_watch.h"
#include "lease/times.h"

namespace syncnode::lease {

class Keeper {
 public:
  // `times` must be valid (kInvalidArgument otherwise). A lost term requests a stop on `stop`, once.
  static Result<std::unique_ptr<Keeper>> start(std::unique_ptr<LeaseStore> store, Grant grant,
                                               const KeeperTimes& times, std::stop_source stop);
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  // Joins (at most one attempt long) and gives the term back (at most one attempt more).
  ~Keeper();

  const Term& term() const { return term_; }
  // Compares the clock with the deadline at every call; false for ever once the term is lost.
  bool may_act() const { return watch_->may_act(); }
  Deadline act_until() const { return watch_->act_until(); }
  // Why the term was lost; nothing while it is held.
  std::optional<Error> loss() const { return watch_->loss(); }

 private:
  Keeper(std::unique_ptr<LeaseStore> store, Term term, const KeeperTimes& times,
         std::unique_ptr<TermWatch> watch);
  void renew_until_ended();
  bool ended_before(Deadline deadline) const;

  const std::unique_ptr<LeaseStore> store_;
  const Term term_;
  const KeeperTimes times_;
  const std::unique_ptr<TermWatch> watch_;
  const UniqueFd ended_;  // eventfd: readable when the keeper is being destroyed
  std::thread renewer_;
};

}  // namespace syncnode::lease
