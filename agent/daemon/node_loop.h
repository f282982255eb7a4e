// NodeLoop: one node in the foreground. Looks which clients are due, syncs one after another; each run takes
// the cluster's lease for itself, so that two nodes never write at once and the second simply waits. Without
// a database it waits and says so once. Refuses to end for a reason that may pass. Main thread; stops by its
// token.
#pragma once

#include <stop_token>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "config/settings.h"
#include "daemon/due_policy.h"

namespace syncnode::daemon {

class NodeLoop {
 public:
  NodeLoop(const config::Settings& settings, Log& log, uint64_t jitter_seed)
      : settings_(settings), log_(log), policy_(jitter_seed) {}

  void run(const std::stop_token& stop);  // returns when stopped

 private:
  Result<std::vector<DueClient>> read_due();
  void report_database(const Result<std::vector<DueClient>>& due);
  void sync_one(const DueClient& client, const std::stop_token& stop);

  const config::Settings& settings_;
  Log& log_;
  DuePolicy policy_;
  bool database_lost_ = false;  // said so, until it is back
};

}  // namespace syncnode::daemon
