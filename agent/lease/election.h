// Election: decides what a node does next about the lease: look, take, renew, give back, or wait and until
// when, with one sentence that says why. Pure: it is told what happened and what time it is, and has no
// clock, no chance and no connection of its own, so that a simulation can run it a million times
// (tests/lease/simulation). Refuses to believe: an error leaves only the deadline there was, silence proves
// no death, and a hint is only a reason to look. One thread.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "lease/lease_store.h"
#include "lease/times.h"

namespace syncnode::lease {

struct ElectionTimes {
  KeeperTimes keeper{};
  std::chrono::seconds heartbeat{30};  // from one mark in sync_metadata.hosts to the next

  static ElectionTimes from(std::chrono::seconds lease, std::chrono::seconds heartbeat);
  Status validate() const;
};

enum class Role {
  kStandby,
  kLeading,
  kReleasing,  // stepped down; the work of the term ends, then the lease is given back
  kStopped,
};

enum class Action {
  kWait,      // until Decision::until, or until something happens
  kObserve,   // answer by observed() or failed()
  kAcquire,   // granted(), refused() or failed()
  kTakeOver,  // of the term in Decision::dead; granted(), refused() or failed()
  kRenew,     // of Decision::term; granted(), refused() when fenced, or failed()
  kRelease,   // of Decision::term; released() or failed()
  kBeat,      // beaten() or failed()
  kEnd,       // nothing will ever be decided again
};

struct Decision {
  Action what = Action::kWait;
  Deadline until{};
  Term term;
  LeaseObservation dead;
  bool given_back = false;  // kAcquire: only a lease that was given back may be taken
  std::string sentence;
};

class Election {
 public:
  Election(const ElectionTimes& times, std::string cluster_name, std::string leader_id, std::string nonce);

  // `now` never goes back. Asking again without news gives the same answer.
  Decision decide(Deadline now);

  // What came of a decision. `sent` is when the call began; `chance` is uniform in [0, 1).
  void observed(const LeaseObservation& row, Deadline sent, Deadline now, double chance);
  void granted(const Grant& grant, Deadline sent, Deadline now);
  void refused(Deadline now, double chance, Error why = {});
  void failed(const Error& error, Deadline sent, Deadline now, double chance);
  void released(Deadline now);
  void beaten(Deadline sent, Deadline now);

  // News from outside. None of them takes a lease from a living holder.
  void hint();  // something may have changed: look soon
  // A notice says that the term of this nonce was given back. Where it is the one last seen, taking the lease
  // is tried without another look; the row refuses whoever was lied to.
  void told_released(const std::string& nonce, Deadline now, double chance);
  void proven_dead(const std::string& nonce);  // the process of this nonce is gone, all of it
  void lost(Error why, Deadline now);          // the term watch rang first
  void step_down(Deadline now, BootClock::duration hold_off, Deadline work_by);
  void work_ended();  // of the last term: nothing of it runs any more
  void stop(Deadline now, Deadline work_by);
  Status retime(const ElectionTimes& times);  // a bad order is refused and the old times stay

  Role role() const { return role_; }
  bool leading() const { return role_ == Role::kLeading; }
  const Term& term() const { return term_; }         // present or last
  Deadline act_until() const { return act_until_; }  // of the present term
  Deadline lease_ends() const { return lease_ends_; }
  // The last term was not given back, since its work or the database took too long.
  bool left_to_expire() const { return left_to_expire_; }
  bool work_running() const { return work_running_; }
  const std::optional<Error>& loss() const { return loss_; }  // why the last term ended
  // What the row said last and when that lease ends by this node's clock.
  const std::optional<LeaseObservation>& row() const { return row_; }
  Deadline row_ends() const { return row_ends_; }
  const ElectionTimes& times() const { return times_; }

 private:
  Decision lead(Deadline now) const;
  Decision wind_down(Deadline now) const;
  Decision follow(Deadline now) const;
  Decision claim(Deadline now) const;
  Decision look_or_wait(Deadline now, std::string why) const;
  std::optional<Decision> beat_if_due(Deadline now, Deadline busy_at) const;
  Deadline look_at() const;
  bool is_own(const LeaseObservation& row) const;
  bool is_dead(std::string_view nonce) const;
  void end_term(Error why, Deadline now);
  BootClock::duration retry_pause() const;

  ElectionTimes times_;
  const std::string cluster_name_, leader_id_, nonce_;

  Role role_ = Role::kStandby;
  Term term_;
  Deadline act_until_{}, lease_ends_{}, renew_at_{};
  bool work_running_ = false;  // from the election until work_ended()
  bool stopping_ = false;
  bool leave_ = false;           // asked to step down since the last decision
  bool left_to_expire_ = false;  // the last term was not given back
  Deadline work_by_{};           // a term whose work runs longer is not given back
  std::optional<Error> loss_;

  std::optional<LeaseObservation> row_;
  Deadline row_ends_{};         // latest: counted from the answer
  Deadline unchanged_since_{};  // this (epoch, nonce, renew_seq), by our clock
  bool settled_ = false;        // expired, and unchanged for long enough
  bool adopt_ = false;          // our own nonce holds the row and we do not know of it
  Deadline looked_at_{}, look_due_{}, claim_at_{};
  bool hint_ = false;
  std::optional<Deadline> free_since_;  // seen as free, and nobody took it since
  Deadline hold_off_until_{};
  int64_t hold_off_epoch_ = 0;

  int failures_ = 0;  // in a row, of any call
  Deadline not_before_{};
  Deadline beat_at_{};
  std::array<std::string, 8> dead_;
  size_t dead_count_ = 0;
};

}  // namespace syncnode::lease
