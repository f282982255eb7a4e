#include "base/right_of_way.h"

namespace syncnode {

void RightOfWay::announce(Deadline at) {
  {
    const std::lock_guard lock(mutex_);
    at_ = at.time_since_epoch().count();
  }
  changed_.notify_all();
}

void RightOfWay::passed() {
  announce(Deadline{});
}

void RightOfWay::give_way(Deadline now) const {
  const int64_t announced = at_;
  if (announced == 0) return;
  const Deadline at{BootClock::duration(announced)};
  if (now < at - kLead || now > at + kMost) return;
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, at + kMost, [&] { return at_ != announced; });
}

}  // namespace syncnode
