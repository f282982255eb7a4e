// ContainerMounts: before a job of a client, whether its container still keeps its database where the client
// was registered, as far as root wrote it down (docker/mounts_file.h). A container that was recreated with
// another volume makes its client fail, with what to do, instead of having the wrong file synced. Refuses to
// guess: where nothing is written down, or only old news, it objects to nothing and says so once. Any thread.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "daemon/live_settings.h"
#include "schedule/scheduler.h"

namespace syncnode::daemon {

class ContainerMounts {
 public:
  ContainerMounts(const LiveSettings& settings, Log& log) : settings_(settings), log_(log) {}

  // kFailedPrecondition: it moved.
  Status check(const schedule::Client& client);
  bool moved(const std::string& client) const;  // when it was checked last

 private:
  enum class Sight { kClear, kNoFile, kDoubted };
  void say(Sight now, const std::string& why);  // once for each change; under the lock

  const LiveSettings& settings_;
  Log& log_;
  mutable std::mutex mutex_;
  Sight said_ = Sight::kClear;
  std::set<std::string> moved_;
};

}  // namespace syncnode::daemon
