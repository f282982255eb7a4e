#include "lease/term_watch.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>

namespace syncnode::lease {

Result<std::unique_ptr<TermWatch>> TermWatch::start() {
  std::unique_ptr<TermWatch> watch(new TermWatch());
  if (!watch->ended_.valid() || !watch->timer_.valid()) {
    return Error{ErrorCode::kResourceExhausted, "no file descriptor left to watch the lease", ""};
  }
  try {
    watch->thread_ = std::thread(&TermWatch::watch_until_ended, watch.get());
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("cannot start the thread that watches the lease: {}", error.what()), ""};
  }
  return watch;
}

TermWatch::TermWatch()
    : ended_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      timer_(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {}

TermWatch::~TermWatch() {
  const uint64_t one = 1;
  // One addition cannot overflow an eventfd; nothing else can fail.
  static_cast<void>(!::write(ended_.get(), &one, sizeof one));
  if (thread_.joinable()) thread_.join();
}

void TermWatch::begin(std::string cluster_name, Deadline act_until, std::stop_source stop) {
  const std::lock_guard lock(mutex_);
  cluster_name_ = std::move(cluster_name);
  loss_.reset();
  stop_ = std::move(stop);
  held_ = true;
  act_until_.store(act_until.time_since_epoch().count());
  ring_at(act_until);
}

bool TermWatch::extend(Deadline act_until) {
  const std::lock_guard lock(mutex_);
  // A step-down that came first wins, also when its ring is still on the way.
  if (!held_ || !may_act()) return false;
  act_until_.store(act_until.time_since_epoch().count());
  ring_at(act_until);
  return true;
}

void TermWatch::lose(Error why) {
  std::stop_source stop{std::nostopstate};
  {
    const std::lock_guard lock(mutex_);
    if (!held_) return;
    held_ = false;
    act_until_.store(0);
    loss_ = std::move(why);
    stop = stop_;
  }
  stop.request_stop();
}

Deadline TermWatch::act_until() const {
  return Deadline(BootClock::duration(act_until_.load()));
}

std::optional<Error> TermWatch::loss() const {
  const std::lock_guard lock(mutex_);
  return loss_;
}

void TermWatch::ring_at(Deadline when) {
  // An all-zero time would disarm the timer instead of ringing.
  const auto since = std::max(when.time_since_epoch(), BootClock::duration(1));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  itimerspec ring{};
  ring.it_value.tv_sec = seconds.count();
  ring.it_value.tv_nsec = (since - seconds).count();
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &ring, nullptr);
}

void TermWatch::watch_until_ended() {
  std::array<pollfd, 2> watched{pollfd{timer_.get(), POLLIN, 0}, pollfd{ended_.get(), POLLIN, 0}};
  while (true) {
    ::poll(watched.data(), watched.size(), -1);
    if (watched[1].revents != 0) return;
    uint64_t rings = 0;
    static_cast<void>(!::read(timer_.get(), &rings, sizeof rings));
    std::stop_source stop{std::nostopstate};
    {
      // Judged and lost in one: between the two a new term could begin.
      const std::lock_guard lock(mutex_);
      if (!held_ || may_act()) continue;
      held_ = false;
      act_until_.store(0);
      loss_ = Error{ErrorCode::kDeadlineExceeded,
                    fmt::format("the lease of cluster '{}' was not renewed in time", cluster_name_),
                    "the database did not answer; see the connection's errors"};
      stop = stop_;
    }
    stop.request_stop();
  }
}

}  // namespace syncnode::lease
