// DirectoryWatches: inotify on the directories of the clients' databases, told as the names of files that
// were written, made or removed there. A hint and no more: events get lost, and a host may have no watches
// left. Refuses to follow a link in the last part of a directory's path. One thread.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/unique_fd.h"

namespace syncnode::follow {

class DirectoryWatches {
 public:
  int fd() const { return inotify_.get(); }  // readable when there is something to take; -1: there is none
  // Costs one system call where the watch is there already; finds a directory that came back or was replaced.
  // False: the host has no watch left for it.
  bool watch(const std::string& directory);
  void keep_only(const std::set<std::string>& directories);

  // Everything that has happened; `file` "" where anything may have.
  using Happened = std::function<void(const std::string& directory, const std::string& file)>;
  void take(const Happened& happened);

 private:
  void forget(const std::string& directory);

  UniqueFd inotify_;
  std::map<std::string, int> watches_;
};

}  // namespace syncnode::follow
