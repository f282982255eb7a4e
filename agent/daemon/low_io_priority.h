// LowIoPriority: while it lives, the disk serves this thread, and threads made by it, after everybody else's
// best effort. Not "idle", which may mean never. Where the unit's filter of system calls or the host's disk
// scheduler knows no priorities, nothing happens. One thread.
#pragma once

namespace syncnode::daemon {

class LowIoPriority {
 public:
  explicit LowIoPriority(bool wanted);
  ~LowIoPriority();
  LowIoPriority(const LowIoPriority&) = delete;
  LowIoPriority& operator=(const LowIoPriority&) = delete;

 private:
  bool lowered_ = false;
};

}  // namespace syncnode::daemon
