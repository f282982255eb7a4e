#include "daemon/low_io_priority.h"

#include <gtest/gtest.h>
#include <linux/ioprio.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace syncnode::daemon {
namespace {

long priority() {
  return ::syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
}

TEST(LowIoPriority, IsThatOfTheThreadWhileItIsWanted) {
  const long before = priority();
  {
    const LowIoPriority not_wanted(false);
    EXPECT_EQ(priority(), before);
    const LowIoPriority low(true);
    EXPECT_EQ(priority(), IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7));
  }
  EXPECT_EQ(priority(), before);
}

}  // namespace
}  // namespace syncnode::daemon
