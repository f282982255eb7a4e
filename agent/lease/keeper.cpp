#include "lease/keeper.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>

namespace syncnode::lease {
namespace {

using std::chrono::milliseconds;

constexpr int kRenewalsPerLease = 5;
constexpr milliseconds kLongestAttempt{3000};
constexpr milliseconds kShortestPause{200};

Deadline at(int64_t nanoseconds) {
  return Deadline(BootClock::duration(nanoseconds));
}

}  // namespace

KeeperTimes KeeperTimes::from(std::chrono::seconds lease, std::chrono::seconds heartbeat) {
  const milliseconds whole = lease;
  const milliseconds renew_every = std::min<milliseconds>(heartbeat, whole / kRenewalsPerLease);
  return {std::min(kLongestAttempt, renew_every * 2 / 3), renew_every, whole * 3 / 4, lease};
}

Status KeeperTimes::validate() const {
  const bool ordered =
      attempt > milliseconds(0) && attempt < renew_every && renew_every < step_down && step_down < lease;
  if (ordered) return {};
  return Error{
      ErrorCode::kInvalidArgument,
      fmt::format(
          "lease times do not fit: attempt {} ms, renewal every {} ms, step-down after {} ms, lease {} s",
          attempt.count(), renew_every.count(), step_down.count(), lease.count()),
      "each must be longer than the one before; raise LEASE_DURATION or lower HEARTBEAT_INTERVAL"};
}

Result<std::unique_ptr<Keeper>> Keeper::start(std::unique_ptr<LeaseStore> store, Grant grant,
                                              const KeeperTimes& times, std::stop_source stop) {
  SN_TRY(times.validate());
  std::unique_ptr<Keeper> keeper(new Keeper(std::move(store), std::move(grant), times, std::move(stop)));
  if (!keeper->ended_.valid() || !keeper->timer_.valid()) {
    return Error{ErrorCode::kResourceExhausted, "no file descriptor left for the lease keeper", ""};
  }
  try {
    keeper->watcher_ = std::thread(&Keeper::watch_until_ended, keeper.get());
    keeper->renewer_ = std::thread(&Keeper::renew_until_ended, keeper.get());
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("cannot start the lease keeper: {}", error.what()), ""};
  }
  return keeper;
}

Keeper::Keeper(std::unique_ptr<LeaseStore> store, Grant grant, const KeeperTimes& times,
               std::stop_source stop)
    : store_(std::move(store)),
      term_(std::move(grant.term)),
      times_(times),
      stop_(std::move(stop)),
      ended_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      timer_(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
  extend(grant);
}

Keeper::~Keeper() {
  const uint64_t one = 1;
  // One addition cannot overflow an eventfd; nothing else can fail.
  static_cast<void>(!::write(ended_.get(), &one, sizeof one));
  if (renewer_.joinable()) renewer_.join();
  if (watcher_.joinable()) watcher_.join();
  act_until_.store(0);
  // Nobody is left to tell: an unreleased lease only makes the next node wait for its expiry.
  static_cast<void>(store_->release(term_, deadline_in(times_.attempt)).has_value());
}

bool Keeper::may_act() const {
  return BootClock::now() < act_until();
}

Deadline Keeper::act_until() const {
  return at(act_until_.load());
}

std::optional<Error> Keeper::loss() const {
  const std::lock_guard lock(mutex_);
  return loss_;
}

void Keeper::extend(const Grant& grant) {
  const Deadline until = grant.expires - (times_.lease - times_.step_down);
  {
    // A step-down that came first wins: a late answer does not revive the term.
    const std::lock_guard lock(mutex_);
    if (loss_) return;
    act_until_.store(until.time_since_epoch().count());
  }
  // An all-zero time would disarm the timer instead of ringing.
  const auto since = std::max(until.time_since_epoch(), BootClock::duration(1));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  itimerspec ring{};
  ring.it_value.tv_sec = seconds.count();
  ring.it_value.tv_nsec = (since - seconds).count();
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &ring, nullptr);
}

void Keeper::lose(Error why) {
  {
    const std::lock_guard lock(mutex_);
    if (loss_) return;
    act_until_.store(0);
    loss_ = std::move(why);
  }
  stop_.request_stop();
}

bool Keeper::ended_before(Deadline deadline) const {
  pollfd watched{ended_.get(), POLLIN, 0};
  while (true) {
    if (::poll(&watched, 1, poll_milliseconds(deadline)) > 0) return true;
    if (BootClock::now() >= deadline) return false;
  }
}

void Keeper::renew_until_ended() {
  Deadline next = deadline_in(times_.renew_every);
  while (!ended_before(next)) {
    const Deadline started = BootClock::now();
    auto renewed = store_->renew(term_, times_.lease, started + times_.attempt);
    if (renewed) {
      extend(*renewed);
      next = started + times_.renew_every;
    } else if (renewed.error().code == ErrorCode::kFenced) {
      lose(std::move(renewed).error());
    } else {
      // The deadline stays as it was; sooner tries cost little and may still save the term.
      next = BootClock::now() + std::max(kShortestPause, times_.renew_every / kRenewalsPerLease);
    }
    if (loss()) return;
  }
}

void Keeper::watch_until_ended() {
  std::array<pollfd, 2> watched{pollfd{timer_.get(), POLLIN, 0}, pollfd{ended_.get(), POLLIN, 0}};
  while (true) {
    ::poll(watched.data(), watched.size(), -1);
    if (watched[1].revents != 0) return;
    // The timer may have been moved on between its ring and this line.
    if (BootClock::now() < act_until()) {
      uint64_t rings = 0;
      static_cast<void>(!::read(timer_.get(), &rings, sizeof rings));
      continue;
    }
    lose({ErrorCode::kDeadlineExceeded,
          fmt::format("the lease of cluster '{}' was not renewed in time", term_.cluster_name),
          "the database did not answer; see the connection's errors"});
    return;
  }
}

}  // namespace syncnode::lease
