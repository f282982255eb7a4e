// Mailbox: work handed to the bus thread. Outlives the thread, so that an answer of Control that comes late
// falls on the floor instead of on freed memory. post() from any thread; the rest on the bus thread.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "base/unique_fd.h"

namespace syncnode::bus {

class Mailbox {
 public:
  using Task = std::function<void()>;

  Mailbox();
  bool post(Task task);  // false: closed, dropped
  void wake();
  int fd() const { return wake_.get(); }  // readable while there may be tasks
  std::vector<Task> take();
  void close();  // drops what waits

 private:
  UniqueFd wake_;
  std::mutex mutex_;
  std::vector<Task> tasks_;
  bool closed_ = false;
};

}  // namespace syncnode::bus
