#include "bus/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace syncnode::bus {

Mailbox::Mailbox() : wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

bool Mailbox::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    tasks_.push_back(std::move(task));
  }
  wake();
  return true;
}

void Mailbox::wake() {
  static_cast<void>(eventfd_write(wake_.get(), 1));
}

std::vector<Mailbox::Task> Mailbox::take() {
  eventfd_t count = 0;
  static_cast<void>(eventfd_read(wake_.get(), &count));
  const std::lock_guard lock(mutex_);
  return std::exchange(tasks_, {});
}

void Mailbox::close() {
  std::vector<Task> dropped;  // destroyed outside the lock
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(tasks_);
}

}  // namespace syncnode::bus
