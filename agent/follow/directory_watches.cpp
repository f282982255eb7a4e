#include "follow/directory_watches.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace syncnode::follow {
namespace {

// Not what readers do: we are one of them.
constexpr uint32_t kEvents = IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                             IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW;
constexpr size_t kBuffer = 16 * 1024;

}  // namespace

// A host that had no instance left may have one now.
bool DirectoryWatches::watch(const std::string& directory) {
  if (!inotify_.valid()) inotify_ = UniqueFd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify_.valid()) return false;
  const int watch = ::inotify_add_watch(inotify_.get(), directory.c_str(), kEvents);
  if (watch < 0) {
    const bool is_short = errno == ENOSPC || errno == ENOMEM;
    forget(directory);
    return !is_short;
  }
  const auto known = watches_.find(directory);
  if (known != watches_.end() && known->second != watch) forget(directory);
  watches_[directory] = watch;
  return true;
}

void DirectoryWatches::keep_only(const std::set<std::string>& directories) {
  for (auto one = watches_.begin(); one != watches_.end();) {
    const std::string directory = (one++)->first;
    if (!directories.contains(directory)) forget(directory);
  }
}

void DirectoryWatches::forget(const std::string& directory) {
  const auto known = watches_.find(directory);
  if (known == watches_.end()) return;
  const int watch = known->second;
  watches_.erase(known);
  // Two paths may lead to one directory.
  const bool is_used = std::any_of(watches_.begin(), watches_.end(),
                                   [watch](const auto& other) { return other.second == watch; });
  if (!is_used) ::inotify_rm_watch(inotify_.get(), watch);  // fails when it went with its directory
}

void DirectoryWatches::take(const Happened& happened) {
  alignas(inotify_event) std::array<char, kBuffer> buffer;
  for (ssize_t got = 0; (got = ::read(inotify_.get(), buffer.data(), buffer.size())) > 0;) {
    for (ssize_t at = 0; at < got;) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = buffer.data() + at + sizeof event;
      at += static_cast<ssize_t>(sizeof event + event.len);
      const bool overflowed = (event.mask & IN_Q_OVERFLOW) != 0;
      for (const auto& [directory, watch] : watches_) {
        if (overflowed || watch == event.wd) happened(directory, event.len > 0 ? name : "");
      }
      if ((event.mask & IN_IGNORED) != 0)
        std::erase_if(watches_, [&](const auto& one) { return one.second == event.wd; });
    }
    if (got < static_cast<ssize_t>(buffer.size() / 2)) return;  // the rest of a flood is for the next time
  }
}

}  // namespace syncnode::follow
