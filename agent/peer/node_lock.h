// NodeLock: this process is the one node of its name on this host. Holds a POSIX record lock on
// DIRECTORY/node-a.lock for life; the kernel drops it when the process ends, however it ends, whatever its
// children keep open. Refuses to start beside another holder. Never open that file elsewhere in this process:
// closing any descriptor of it would drop the lock. One owner; no thread.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "peer/facts.h"

namespace syncnode::peer {

class NodeLock {
 public:
  // `name` is "node-a". kFailedPrecondition when another process holds it (says its pid).
  static Result<NodeLock> take(const std::string& directory, const std::string& name, const NodeFacts& facts);

  // What the process before us wrote: it is dead, since we hold its lock. Nothing on a first start.
  const std::optional<NodeFacts>& previous() const { return previous_; }
  // Replaces what the peer reads, e.g. when the port is known.
  Status publish(const NodeFacts& facts);

 private:
  explicit NodeLock(UniqueFd file) : file_(std::move(file)) {}

  UniqueFd file_;
  std::optional<NodeFacts> previous_;
};

// DIRECTORY/node-a.lock
std::string lock_path(const std::string& directory, const std::string& name);

}  // namespace syncnode::peer
