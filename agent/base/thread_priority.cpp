#include "base/thread_priority.h"

#include <sys/resource.h>
#include <unistd.h>

namespace syncnode {
namespace {

constexpr int kNice = 10;

bool set_nice(int nice) {
  return ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), nice) == 0;
}

}  // namespace

void give_way() {
  static_cast<void>(set_nice(kNice));
}

FullShare::FullShare() : nice_(::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()))) {
  if (nice_ <= 0 || !set_nice(0)) nice_ = 0;
}

FullShare::~FullShare() {
  if (nice_ > 0) set_nice(nice_);
}

}  // namespace syncnode
