// State: values by key, cache-aside: a read asks the cache and then the database, a write goes to the
// database and only then into the cache. While the database cannot be reached, what is cached and still valid
// is served, and nothing else. Refuses to claim: `cached` is true only when that very answer came from the
// cache. get() and put() on the thread that owns the store; peek() and invalidate*() on any.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "state/state_cache.h"
#include "state/state_store.h"

namespace syncnode::state {

struct StateAnswer {
  StateRecord record;
  bool cached = false;
};

class State {
 public:
  State(StateStore& store, StateCache& cache) : store_(store), cache_(cache) {}

  // At once, from the cache alone; nothing: ask get().
  std::optional<StateAnswer> peek(std::string_view key);

  // The errors of StateStore; kInvalidArgument for what cannot be a key or value.
  Result<StateAnswer> get(const std::string& key, Deadline deadline);
  Result<StateAnswer> put(const Term& term, const StatePut& put, Deadline deadline);

  void invalidate(std::string_view key) { cache_.invalidate(key); }
  void invalidate_all() { cache_.invalidate_all(); }  // notices may have been missed

 private:
  StateStore& store_;
  StateCache& cache_;
};

}  // namespace syncnode::state
