#include "state/state_cache.h"

#include <utility>

namespace syncnode::state {
namespace {

constexpr size_t kEntryOverhead = 256;  // list node, hash node, record, allocator: generously

}  // namespace

StateCache::StateCache(CacheLimits limits, std::function<void(CacheEvent)> on_event)
    : limits_(limits), on_event_(std::move(on_event)) {}

void StateCache::report(CacheEvent event, size_t times) const {
  if (!on_event_) return;
  for (size_t i = 0; i < times; ++i) on_event_(event);
}

uint64_t& StateCache::generation(std::string_view key) {
  return generations_[std::hash<std::string_view>{}(key) % kSlots];
}

uint64_t StateCache::generation(std::string_view key) const {
  return generations_[std::hash<std::string_view>{}(key) % kSlots];
}

void StateCache::drop(Entries::iterator entry) {
  bytes_ -= entry->bytes;
  by_key_.erase(entry->key);
  entries_.erase(entry);
}

StateCache::Found StateCache::find(std::string_view key, Deadline now) {
  return look(key, now, true);
}

StateCache::Found StateCache::peek(std::string_view key, Deadline now) {
  return look(key, now, false);
}

StateCache::Found StateCache::look(std::string_view key, Deadline now, bool count_miss) {
  Found record;
  bool expired = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    if (found != by_key_.end() && now < found->second->expires) {
      entries_.splice(entries_.begin(), entries_, found->second);
      record = found->second->record;
    } else if (found != by_key_.end()) {
      drop(found->second);
      expired = true;
    }
  }
  if (expired) report(CacheEvent::kEviction);
  if (record) report(CacheEvent::kHit);
  if (!record && count_miss) report(CacheEvent::kMiss);
  return record;
}

StateCache::Reading StateCache::begin(std::string_view key, Deadline now) const {
  const std::lock_guard lock(mutex_);
  return {std::string(key), generation(key), now};
}

void StateCache::keep(const Reading& reading, StateRecord record) {
  size_t evicted = 0;
  {
    const std::lock_guard lock(mutex_);
    if (generation(reading.key) != reading.generation) return;
    evicted = insert(reading, std::move(record));
  }
  report(CacheEvent::kEviction, evicted);
}

void StateCache::replace(const Reading& writing, StateRecord record) {
  size_t evicted = 0;
  {
    const std::lock_guard lock(mutex_);
    const bool undisturbed = generation(writing.key) == writing.generation;
    forget(writing.key);
    if (undisturbed) evicted = insert(writing, std::move(record));
  }
  report(CacheEvent::kEviction, evicted);
}

size_t StateCache::insert(const Reading& reading, StateRecord record) {
  const auto found = by_key_.find(reading.key);
  if (found != by_key_.end()) drop(found->second);
  const size_t size = 2 * reading.key.size() + record.value.size() + kEntryOverhead;
  if (size > limits_.bytes || limits_.entries == 0 || limits_.ttl.count() <= 0) return 0;
  size_t evicted = 0;
  for (; entries_.size() >= limits_.entries || bytes_ + size > limits_.bytes; ++evicted) {
    drop(std::prev(entries_.end()));
  }
  entries_.push_front({reading.key, std::make_shared<const StateRecord>(std::move(record)),
                       reading.began + limits_.ttl, size});
  by_key_.emplace(entries_.front().key, entries_.begin());
  bytes_ += size;
  return evicted;
}

void StateCache::forget(std::string_view key) {
  ++generation(key);
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) drop(found->second);
}

void StateCache::invalidate(std::string_view key) {
  const std::lock_guard lock(mutex_);
  forget(key);
}

void StateCache::invalidate_all() {
  const std::lock_guard lock(mutex_);
  for (uint64_t& generation : generations_) ++generation;
  by_key_.clear();
  entries_.clear();
  bytes_ = 0;
}

size_t StateCache::entries() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

size_t StateCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace syncnode::state
