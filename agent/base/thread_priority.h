// Thread priority: what moves much and has time gives way to the application and to this node's lease; what
// is in the application's way for some milliseconds does not, so that they stay milliseconds. Where the host
// does not let a thread back to where it was (RLIMIT_NICE, the unit's filter), nothing happens. Each thread
// its own.
#pragma once

namespace syncnode {

// This thread, and threads made by it, get a tenth of the share of those that do not.
void give_way();

// While it lives this thread has its full share again.
class FullShare {
 public:
  FullShare();
  ~FullShare();
  FullShare(const FullShare&) = delete;
  FullShare& operator=(const FullShare&) = delete;

 private:
  int nice_;
};

}  // namespace syncnode
