#include "daemon/low_io_priority.h"

#include <linux/ioprio.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace syncnode::daemon {
namespace {

constexpr int kThisThread = 0;
constexpr int kLast = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7);
constexpr int kByNice = IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, 0);

bool set_priority(int priority) {
  return ::syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, kThisThread, priority) == 0;
}

}  // namespace

LowIoPriority::LowIoPriority(bool wanted) : lowered_(wanted && set_priority(kLast)) {}

LowIoPriority::~LowIoPriority() {
  if (lowered_) set_priority(kByNice);
}

}  // namespace syncnode::daemon
