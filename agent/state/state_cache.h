// StateCache: values by key for a while. Pure: no database, no thread, no clock of its own. Least recently
// used entries leave when there are too many or too large ones; none outlives its time to live, counted from
// when its read began. A value read before an invalidation never enters after it. Thread-safe; nothing waits.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "state/state_store.h"

namespace syncnode::state {

struct CacheLimits {
  std::chrono::seconds ttl{300};  // CACHE_TTL; 0 keeps nothing
  size_t entries = 10000;
  size_t bytes = size_t{4} << 20;  // keys, values and what it costs to keep them
};

enum class CacheEvent { kHit, kMiss, kEviction };  // an eviction: for room, or because its time was over

class StateCache {
 public:
  // `on_event` (may be empty) is called outside the lock, once for each.
  explicit StateCache(CacheLimits limits, std::function<void(CacheEvent)> on_event = {});

  using Found = std::shared_ptr<const StateRecord>;  // null: not here, or no longer valid

  Found find(std::string_view key, Deadline now);  // counts a hit or a miss
  Found peek(std::string_view key, Deadline now);  // counts only a hit: the caller asks again with find()

  // Taken before the database is asked; what comes back is kept only when the key was not invalidated since.
  struct Reading {
    std::string key;
    uint64_t generation;
    Deadline began;
  };
  Reading begin(std::string_view key, Deadline now) const;
  void keep(const Reading& reading, StateRecord record);
  // The same for what was written: readings begun before are too old now, and so is what they left here.
  void replace(const Reading& writing, StateRecord record);

  void invalidate(std::string_view key);
  void invalidate_all();

  size_t entries() const;
  size_t bytes() const;

 private:
  struct Entry {
    std::string key;
    Found record;
    Deadline expires;
    size_t bytes;
  };
  using Entries = std::list<Entry>;  // the most recently used first

  // Generations are counted by slot, so that invalidations of keys never cached cost nothing. Two keys in one
  // slot: at worst a value is not kept.
  static constexpr size_t kSlots = 1024;
  uint64_t& generation(std::string_view key);
  uint64_t generation(std::string_view key) const;

  Found look(std::string_view key, Deadline now, bool count_miss);
  size_t insert(const Reading& reading, StateRecord record);  // how many had to leave
  void forget(std::string_view key);
  void drop(Entries::iterator entry);
  void report(CacheEvent event, size_t times = 1) const;

  const CacheLimits limits_;
  const std::function<void(CacheEvent)> on_event_;
  mutable std::mutex mutex_;
  Entries entries_;
  std::unordered_map<std::string_view, Entries::iterator> by_key_;  // keys point into entries_
  std::array<uint64_t, kSlots> generations_{};
  size_t bytes_ = 0;
};

}  // namespace syncnode::state
