#include "lease/election.h"

#include <fmt/format.h>

#include <algorithm>

namespace syncnode::lease {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Duration = BootClock::duration;

constexpr milliseconds kExpiryJitter{250};  // so that many standbys do not meet at one instant
constexpr milliseconds kReleaseJitter{5};   // a host has one standby; two that meet cost one refused call
constexpr milliseconds kLookGap{250};       // hints never make us look more often
constexpr seconds kOthersFirst{2};          // who gave a lease back lets others go first
constexpr seconds kFirstConfigPause{5};     // a wrong password does not become right by asking
constexpr seconds kLongestConfigPause{60};
constexpr double kRetryJitter = 0.1;
// A healthy holder renews within one interval; a fifth more covers a slow renewal.
constexpr int kUnchangedTenths = 12;

bool is_configuration(ErrorCode code) {
  return code == ErrorCode::kPermissionDenied || code == ErrorCode::kFailedPrecondition ||
         code == ErrorCode::kInvalidArgument || code == ErrorCode::kNotFound;
}

Duration jittered(Duration pause, double chance) {
  return pause + std::chrono::duration_cast<Duration>(pause * kRetryJitter * chance);
}

std::string in_seconds(Duration left) {
  return fmt::format("{:.1f} s", std::max(0.0, std::chrono::duration<double>(left).count()));
}

Decision simply(Action what, std::string sentence) {
  Decision decision;
  decision.what = what;
  decision.sentence = std::move(sentence);
  return decision;
}

Decision wait_until(Deadline until, std::string sentence) {
  Decision decision = simply(Action::kWait, std::move(sentence));
  decision.until = until;
  return decision;
}

}  // namespace

ElectionTimes ElectionTimes::from(seconds lease, seconds heartbeat) {
  return {KeeperTimes::from(lease, heartbeat), heartbeat};
}

Status ElectionTimes::validate() const {
  SN_TRY(keeper.validate());
  if (heartbeat > seconds(0)) return {};
  return Error{ErrorCode::kInvalidArgument, "the heartbeat interval is not positive",
               "set HEARTBEAT_INTERVAL to seconds"};
}

Election::Election(const ElectionTimes& times, std::string cluster_name, std::string leader_id,
                   std::string nonce)
    : times_(times),
      cluster_name_(std::move(cluster_name)),
      leader_id_(std::move(leader_id)),
      nonce_(std::move(nonce)) {}

// ------------------------------------------------------------------------------------------- decisions

Decision Election::decide(Deadline now) {
  leave_ = false;
  if (role_ == Role::kLeading && now >= act_until_) {
    end_term({ErrorCode::kDeadlineExceeded,
              fmt::format("the lease of cluster '{}' was not renewed in time", cluster_name_),
              "the database did not answer; see the connection's errors"},
             now);
  }
  if (role_ == Role::kReleasing && now >= work_by_) {
    role_ = stopping_ ? Role::kStopped : Role::kStandby;
    left_to_expire_ = true;
    look_due_ = now;
  }
  switch (role_) {
    case Role::kLeading:
      return lead(now);
    case Role::kReleasing:
      return wind_down(now);
    case Role::kStandby:
      return follow(now);
    case Role::kStopped:
      break;
  }
  return simply(Action::kEnd, "stopped");
}

Decision Election::lead(Deadline now) const {
  if (now >= renew_at_) {
    Decision renew = simply(
        Action::kRenew, failures_ == 0 ? "leading: renewing the lease" : "leading: trying to renew again");
    renew.term = term_;
    return renew;
  }
  // A mark that hangs must not make the renewal late.
  if (auto beat = beat_if_due(now, renew_at_ - times_.keeper.attempt)) return *beat;
  Deadline next = std::min(renew_at_, act_until_);
  if (beat_at_ > now) next = std::min(next, beat_at_);
  return wait_until(
      next, fmt::format("leading with epoch {}; may act for {}", term_.epoch, in_seconds(act_until_ - now)));
}

Decision Election::wind_down(Deadline now) const {
  if (work_running_) return wait_until(work_by_, "stepped down; waiting for the work of the term to end");
  if (now < not_before_)
    return wait_until(std::min(not_before_, work_by_), "the lease could not be given back yet");
  Decision release = simply(Action::kRelease, "giving the lease back");
  release.term = term_;
  return release;
}

Decision Election::follow(Deadline now) const {
  if (stopping_) return simply(Action::kEnd, "stopped");
  if (now < not_before_) {
    return wait_until(not_before_,
                      failures_ == 0
                          ? "somebody else was faster; looking again in a moment"
                          : fmt::format("the database did not serve {} call(s) in a row; trying again in {}",
                                        failures_, in_seconds(not_before_ - now)));
  }
  if (!row_ || now >= look_at()) return simply(Action::kObserve, "looking who leads");
  Decision claimed = claim(now);
  if (claimed.what != Action::kWait) return claimed;
  return beat_if_due(now, look_at()).value_or(std::move(claimed));
}

Decision Election::claim(Deadline now) const {
  const bool dead = !row_->released && is_dead(row_->nonce);
  if (!adopt_ && !dead && !row_->released && !settled_) {
    if (row_ends_ <= now)
      return look_or_wait(
          now, fmt::format("'{}' let its lease run out; watching whether it comes back", row_->leader_id));
    return look_or_wait(now, fmt::format("'{}' leads with epoch {} for {} more", row_->leader_id, row_->epoch,
                                         in_seconds(row_ends_ - now)));
  }
  if (work_running_) return look_or_wait(now, "the lease is free, but work of the last term still runs");
  if (now < hold_off_until_) {
    const Deadline anyway = free_since_ ? *free_since_ + kOthersFirst : hold_off_until_;
    if (now < std::min(anyway, hold_off_until_)) {
      Decision wait = look_or_wait(now, "stepped down; letting others go first");
      wait.until = std::min({wait.until, anyway, hold_off_until_});
      return wait;
    }
  }
  if (adopt_) {
    Decision adopt = simply(Action::kRenew, "the row holds our own term, whose grant was lost on the way");
    adopt.term = {cluster_name_, leader_id_, nonce_, row_->epoch};
    return adopt;
  }
  if (dead) {
    Decision take =
        simply(Action::kTakeOver, fmt::format("'{}' is proven dead: taking its lease over", row_->leader_id));
    take.dead = *row_;
    return take;
  }
  if (now < claim_at_) return wait_until(claim_at_, "the lease is free; taking it in a moment");
  Decision acquire =
      simply(Action::kAcquire, row_->released ? "the lease was given back: taking it"
                                              : "the lease ran out and nobody renews it: taking it");
  acquire.given_back = row_->released;
  return acquire;
}

Decision Election::look_or_wait(Deadline now, std::string why) const {
  Deadline next = look_at();
  if (beat_at_ > now) next = std::min(next, beat_at_);
  return wait_until(next, std::move(why));
}

Deadline Election::look_at() const {
  return hint_ ? std::min(look_due_, looked_at_ + kLookGap) : look_due_;
}

std::optional<Decision> Election::beat_if_due(Deadline now, Deadline busy_at) const {
  if (now < beat_at_ || now < not_before_ || now >= busy_at || failures_ > 0) return std::nullopt;
  return simply(Action::kBeat, "marking this node as alive");
}

// ------------------------------------------------------------------------------------- what came of them

void Election::observed(const LeaseObservation& row, Deadline sent, Deadline now, double chance) {
  failures_ = 0;
  not_before_ = {};
  hint_ = false;
  looked_at_ = now;
  const bool changed =
      !row_ || row_->epoch != row.epoch || row_->nonce != row.nonce || row_->renew_seq != row.renew_seq;
  if (changed) unchanged_since_ = now;
  row_ = row;
  row_ends_ = now + row.remaining;
  const bool expired = row.remaining <= milliseconds(0);
  const Duration quiet = times_.keeper.renew_every * kUnchangedTenths / 10;
  // Both looks are on the safe side: the first counts from its answer, this one from its question.
  // Our own term, whose end we saw, is renewed by nobody.
  settled_ = expired && !row.released && (is_own(row) || sent - unchanged_since_ >= quiet);
  adopt_ = is_own(row) && !expired;
  claim_at_ = now;
  if (row.released) claim_at_ += std::chrono::duration_cast<Duration>(kReleaseJitter * chance);
  look_due_ = now + times_.keeper.renew_every;
  if (expired && !row.released && !settled_) {
    look_due_ = std::min(look_due_, unchanged_since_ + quiet + milliseconds(1));
  } else if (!expired) {
    const auto jitter = std::chrono::duration_cast<Duration>(kExpiryJitter * chance);
    look_due_ = std::min(look_due_, row_ends_ + milliseconds(1) + jitter);
  }
  look_due_ = std::max(look_due_, now + kLookGap);
  if (!expired && !is_dead(row.nonce)) {
    free_since_.reset();
    if (row.epoch > hold_off_epoch_ && !is_own(row)) hold_off_until_ = {};  // somebody else did lead
  } else if (!free_since_) {
    free_since_ = now;
  }
}

void Election::granted(const Grant& grant, Deadline sent, Deadline now) {
  failures_ = 0;
  not_before_ = {};
  const Deadline until = times_.keeper.act_until(grant);
  if (until <= now) {  // it took so long that nothing was gained
    row_.reset();
    if (role_ == Role::kLeading)
      end_term({ErrorCode::kDeadlineExceeded, "the renewal came too late", ""}, now);
    return;
  }
  const bool stood_by = role_ != Role::kLeading;
  term_ = grant.term;
  act_until_ = until;
  lease_ends_ = grant.expires;
  renew_at_ = sent + times_.keeper.renew_every;
  if (!stood_by) return;
  row_.reset();
  adopt_ = false;
  if (stopping_ || leave_) {  // asked to go while the grant was on its way
    role_ = Role::kReleasing;
    hold_off_epoch_ = term_.epoch;
    work_by_ = act_until_;
    return;
  }
  role_ = Role::kLeading;
  left_to_expire_ = false;
  loss_.reset();
  work_running_ = true;
  hold_off_until_ = {};
  free_since_.reset();
}

void Election::refused(Deadline now, double chance, Error why) {
  failures_ = 0;
  not_before_ = {};
  if (role_ == Role::kLeading) {
    end_term(std::move(why), now);
    return;
  }
  look_due_ = now;  // what we believed of the row was wrong
  not_before_ = now + std::chrono::duration_cast<Duration>(kLookGap * (1 + chance));
}

void Election::failed(const Error& error, Deadline sent, Deadline now, double chance) {
  ++failures_;
  Duration pause = retry_pause();
  if (is_configuration(error.code)) {
    const int doublings = role_ == Role::kLeading ? 0 : std::min(failures_ - 1, 4);
    pause = std::min<Duration>(kFirstConfigPause * (1 << doublings), kLongestConfigPause);
  }
  not_before_ = std::max(sent + jittered(pause, chance), now + retry_pause() / 4);
  renew_at_ = std::max(renew_at_, not_before_);
  // Whether a call that failed took the lease is not known: only the row tells.
  look_due_ = now;
}

void Election::released(Deadline now) {
  failures_ = 0;
  not_before_ = {};
  role_ = stopping_ ? Role::kStopped : Role::kStandby;
  row_.reset();
  look_due_ = now;
}

void Election::beaten(Deadline sent, Deadline /*now*/) {
  failures_ = 0;
  beat_at_ = sent + times_.heartbeat;
}

// ------------------------------------------------------------------------------------------------- news

void Election::hint() {
  hint_ = true;
}

void Election::told_released(const std::string& nonce, Deadline now, double chance) {
  if (role_ != Role::kStandby || !row_ || row_->nonce != nonce || is_own(*row_)) return hint();
  if (row_->released) return;
  row_->released = true;
  row_->remaining = milliseconds(0);
  row_ends_ = now;
  claim_at_ = now + std::chrono::duration_cast<Duration>(kReleaseJitter * chance);
  if (!free_since_) free_since_ = now;
}

void Election::proven_dead(const std::string& nonce) {
  if (nonce.empty() || nonce == nonce_ || is_dead(nonce)) return;
  dead_[dead_count_++ % dead_.size()] = nonce;
  if (!row_ || row_->nonce != nonce) hint_ = true;  // the row we know may be older than its term
}

void Election::lost(Error why, Deadline now) {
  if (role_ == Role::kLeading) end_term(std::move(why), now);
}

void Election::step_down(Deadline now, Duration hold_off, Deadline work_by) {
  hold_off_until_ = std::max(hold_off_until_, now + std::max<Duration>(hold_off, kOthersFirst));
  hold_off_epoch_ = std::max(row_ ? row_->epoch : 0, term_.epoch);
  leave_ = true;
  if (role_ != Role::kLeading) return;
  loss_ = Error{ErrorCode::kCancelled, "this node was asked to step down", ""};
  role_ = Role::kReleasing;
  work_by_ = std::min(work_by, act_until_);
  act_until_ = {};
  free_since_.reset();
}

void Election::work_ended() {
  // Of a term that still is: the owner's mistake, and no reason to give it back.
  if (role_ != Role::kLeading) work_running_ = false;
}

void Election::stop(Deadline now, Deadline work_by) {
  stopping_ = true;
  if (role_ == Role::kReleasing) work_by_ = std::min(work_by_, work_by);
  step_down(now, {}, work_by);
}

Status Election::retime(const ElectionTimes& times) {
  SN_TRY(times.validate());
  times_ = times;
  if (role_ == Role::kLeading)
    renew_at_ = {};  // the row must say the new length before anything relies on it
  return {};
}

void Election::end_term(Error why, Deadline now) {
  role_ = Role::kStandby;
  act_until_ = {};
  loss_ = std::move(why);
  row_.reset();
  look_due_ = now;
}

bool Election::is_own(const LeaseObservation& row) const {
  return row.leader_id == leader_id_ && row.nonce == nonce_;
}

bool Election::is_dead(std::string_view nonce) const {
  return !nonce.empty() && std::find(dead_.begin(), dead_.end(), nonce) != dead_.end();
}

// Once a second, or twice per renewal where that is more often.
BootClock::duration Election::retry_pause() const {
  return std::clamp<Duration>(times_.keeper.renew_every / 2, milliseconds(50), seconds(1));
}

}  // namespace syncnode::lease
