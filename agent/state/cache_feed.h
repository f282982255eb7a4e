// CacheFeed: takes what others changed (sync_metadata.cache_events) to a cache. It reads by the ids of
// transactions, so an event whose transaction took long is not missed; a notice on channel 'sync_node' only
// says when to look. Refuses to trust a gap: at first, and when the database went back in time (a restore),
// all is invalidated. One thread; the owner's connection.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "postgres/connection.h"
#include "state/state_cache.h"

namespace syncnode::state {

class CacheFeed {
 public:
  CacheFeed(std::string cluster_name, StateCache& cache);

  // One statement. How many keys were invalidated; an error leaves the position, so nothing is lost by it.
  Result<int> poll(postgres::Connection& connection, Deadline deadline);

 private:
  const std::string cluster_name_;
  StateCache& cache_;
  std::string position_;  // a transaction id; "" before the first poll
};

}  // namespace syncnode::state
