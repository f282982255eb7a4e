// The cache by itself: time, room, invalidations, and the race that decides whether it can be trusted.
#include "state/state_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace syncnode::state {
namespace {

using namespace std::chrono_literals;

struct Counts {
  int hits = 0, misses = 0, evictions = 0;
  void add(CacheEvent event) {
    ++(event == CacheEvent::kHit ? hits : event == CacheEvent::kMiss ? misses : evictions);
  }
};

class StateCacheTest : public ::testing::Test {
 protected:
  std::unique_ptr<StateCache> cache(CacheLimits limits) {
    return std::make_unique<StateCache>(limits, [this](CacheEvent event) { counts_.add(event); });
  }
  void put(StateCache& cache, const std::string& key, std::string value = "1", Deadline now = Deadline(1h)) {
    cache.keep(cache.begin(key, now), {std::move(value), 1, ""});
  }

  const Deadline now_{1h};
  Counts counts_;
};

TEST_F(StateCacheTest, AnswersWhatItKeptUntilItsTimeIsOver) {
  auto cache = this->cache({.ttl = 300s});
  EXPECT_EQ(cache->find("k", now_), nullptr);
  put(*cache, "k", "7");
  const auto found = cache->find("k", now_ + 299s);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->value, "7");
  EXPECT_EQ(found->version, 1);
  EXPECT_EQ(cache->find("k", now_ + 300s), nullptr);
  EXPECT_EQ(cache->entries(), 0u);
  EXPECT_EQ(cache->bytes(), 0u);
  EXPECT_EQ(counts_.hits, 1);
  EXPECT_EQ(counts_.misses, 2);
  EXPECT_EQ(counts_.evictions, 1);
}

TEST_F(StateCacheTest, TheTimeCountsFromWhenTheReadBegan) {
  auto cache = this->cache({.ttl = 10s});
  const auto reading = cache->begin("k", now_);
  cache->keep(reading, {"1", 1, ""});  // however long the database took
  EXPECT_NE(cache->find("k", now_ + 9s), nullptr);
  EXPECT_EQ(cache->find("k", now_ + 10s), nullptr);
}

TEST_F(StateCacheTest, APeekThatFindsNothingCountsNothing) {
  auto cache = this->cache({});
  EXPECT_EQ(cache->peek("k", now_), nullptr);
  EXPECT_EQ(counts_.misses, 0);
  put(*cache, "k");
  EXPECT_NE(cache->peek("k", now_), nullptr);
  EXPECT_EQ(counts_.hits, 1);
}

TEST_F(StateCacheTest, TheLeastRecentlyUsedLeavesFirst) {
  auto cache = this->cache({.entries = 3});
  for (const char* key : {"a", "b", "c"}) put(*cache, key);
  EXPECT_NE(cache->find("a", now_), nullptr);
  put(*cache, "d");
  EXPECT_EQ(counts_.evictions, 1);
  EXPECT_EQ(cache->find("b", now_), nullptr);
  for (const char* key : {"a", "c", "d"}) EXPECT_NE(cache->find(key, now_), nullptr) << key;
}

TEST_F(StateCacheTest, BytesAreBounded) {
  auto cache = this->cache({.bytes = 10000});
  for (int i = 0; i < 100; ++i) {
    put(*cache, std::to_string(i), std::string(1000, 'x'));
    EXPECT_LE(cache->bytes(), 10000u);
  }
  EXPECT_EQ(cache->entries(), 7u);
  EXPECT_EQ(counts_.evictions, 93);
  put(*cache, "large", std::string(10001, 'x'));
  EXPECT_EQ(cache->find("large", now_), nullptr);
  EXPECT_EQ(cache->entries(), 7u) << "what does not fit must not push the rest out";
  put(*cache, "99", std::string(5, 'x'));
  EXPECT_EQ(cache->entries(), 7u);
  EXPECT_LT(cache->bytes(), 9000u) << "a replaced value gives its room back";
}

TEST_F(StateCacheTest, NothingIsKeptForNoTimeOrInNoRoom) {
  for (const CacheLimits limits :
       {CacheLimits{.ttl = 0s}, CacheLimits{.entries = 0}, CacheLimits{.bytes = 0}}) {
    auto cache = this->cache(limits);
    put(*cache, "k");
    EXPECT_EQ(cache->entries(), 0u);
  }
}

TEST_F(StateCacheTest, WhatTurnedTooLargeLeavesNoOldValueBehind) {
  auto cache = this->cache({.bytes = 2000});
  put(*cache, "k", "old");
  put(*cache, "k", std::string(3000, 'x'));
  EXPECT_EQ(cache->find("k", now_), nullptr);
}

TEST_F(StateCacheTest, AnOlderReadDoesNotPassAnInvalidation) {
  auto cache = this->cache({});
  const auto reading = cache->begin("k", now_);
  cache->invalidate("k");  // arrives while the database is being asked
  cache->keep(reading, {"old", 1, ""});
  EXPECT_EQ(cache->find("k", now_), nullptr);
  put(*cache, "k", "new");
  EXPECT_EQ(cache->find("k", now_)->value, "new");
  const auto again = cache->begin("k", now_);
  cache->invalidate_all();
  cache->keep(again, {"old", 1, ""});
  EXPECT_EQ(cache->find("k", now_), nullptr);
}

TEST_F(StateCacheTest, AnOlderReadDoesNotPassAWrite) {
  auto cache = this->cache({});
  const auto reading = cache->begin("k", now_);
  const auto writing = cache->begin("k", now_);
  cache->replace(writing, {"new", 2, ""});
  cache->keep(reading, {"old", 1, ""});
  EXPECT_EQ(cache->find("k", now_)->value, "new");
}

TEST_F(StateCacheTest, AWriteOvertakenByAnInvalidationLeavesNothing) {
  auto cache = this->cache({});
  const auto writing = cache->begin("k", now_);
  cache->invalidate("k");
  put(*cache, "k", "read in between");
  cache->replace(writing, {"mine", 2, ""});
  EXPECT_EQ(cache->find("k", now_), nullptr);
}

TEST_F(StateCacheTest, AnInvalidationTakesOneKeyOrAll) {
  auto cache = this->cache({});
  for (const char* key : {"a", "b", "c"}) put(*cache, key);
  cache->invalidate("b");
  cache->invalidate("never cached");
  EXPECT_EQ(cache->entries(), 2u);
  cache->invalidate_all();
  EXPECT_EQ(cache->entries(), 0u);
  EXPECT_EQ(cache->bytes(), 0u);
  EXPECT_EQ(counts_.evictions, 0);
}

TEST_F(StateCacheTest, ManyThreadsNeverSeeAValueOlderThanAnInvalidation) {
  StateCache shared({.entries = 8}, {});
  std::array<std::atomic<int64_t>, 16> stored{};  // the database
  const auto key = [](size_t i) { return "k" + std::to_string(i); };
  std::vector<std::jthread> threads;
  threads.emplace_back([&] {
    for (int round = 0; round < 20000; ++round) {
      const size_t i = static_cast<size_t>(round) % stored.size();
      ++stored[i];
      shared.invalidate(key(i));
      // From here on nobody may find what was stored before.
      const auto found = shared.find(key(i), now_);
      if (found) {
        EXPECT_EQ(found->version, stored[i]);
      }
    }
  });
  for (int reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20000; ++round) {
        const size_t i = static_cast<size_t>(round * 7) % stored.size();
        const auto reading = shared.begin(key(i), now_);
        shared.keep(reading, {"", stored[i], ""});
        shared.find(key(i), now_);
      }
    });
  }
}

}  // namespace
}  // namespace syncnode::state
