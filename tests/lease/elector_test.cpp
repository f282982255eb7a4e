// The elector's loop on a lease in memory: what errors do to leadership and to the rate of calls, changed
// times, hints, and the counter the watchdog looks at.
#include "lease/elector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <semaphore>

#include "fakes/fake_lease_store.h"

namespace syncnode::lease {
namespace {

using namespace std::chrono_literals;

constexpr ElectionTimes kQuick{{.attempt = 200ms, .renew_every = 300ms, .step_down = 1200ms, .lease = 2s},
                               1s};

class Listener final : public ElectorListener {
 public:
  void elected(const Term& /*term*/, std::stop_token /*over*/) override { count(elected_); }
  void deposed(const Error& /*why*/) override { count(deposed_); }
  void notice(const std::string& /*payload*/) override { count(notices_); }
  bool elected(int n, std::chrono::milliseconds wait = 10s) { return reaches(elected_, n, wait); }
  bool deposed(int n, std::chrono::milliseconds wait = 10s) { return reaches(deposed_, n, wait); }
  bool notices(int n, std::chrono::milliseconds wait = 10s) { return reaches(notices_, n, wait); }

 private:
  void count(int& what) {
    const std::lock_guard lock(mutex_);
    ++what;
    EXPECT_TRUE(elected_ == deposed_ || elected_ == deposed_ + 1) << "I9: gain and loss do not alternate";
    changed_.notify_all();
  }
  bool reaches(const int& what, int n, std::chrono::milliseconds wait) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, wait, [&] { return what >= n; });
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  int elected_ = 0, deposed_ = 0, notices_ = 0;
};

class ElectorTest : public ::testing::Test {
 protected:
  std::unique_ptr<test::FakeLeaseStore> store(const std::string& nonce = "n1") {
    return std::make_unique<test::FakeLeaseStore>(row_, "host-1", "openwebui-sync-node-a", nonce);
  }
  std::unique_ptr<Elector> start(std::unique_ptr<LeaseStore> own, const std::string& nonce = "n1") {
    auto started =
        Elector::start(std::move(own), {"host-1", "openwebui-sync-node-a", nonce}, kQuick, listener_);
    if (!started) throw std::runtime_error(started.error().to_string());
    return std::move(*started);
  }

  const std::shared_ptr<test::FakeLease> row_ = std::make_shared<test::FakeLease>();
  Listener listener_;
  std::atomic<int> calls_{0};
  std::atomic<bool> broken_{false};
};

class EveryError : public ElectorTest, public ::testing::WithParamInterface<ErrorCode> {};

TEST_P(EveryError, F25_F38_F41_KeepsNoBeliefAndAsksRarely) {
  // I7, I8, I10: read-only, full disk, wrong password, timeouts, serialization: whatever the error, only the
  // old deadline is left, and nobody is hammered; when it is over, the node leads again.
  const ErrorCode code = GetParam();
  auto own = store();
  own->before = [&, code](std::string_view) -> Status {
    if (!broken_) return {};
    ++calls_;
    return Error{code, "injected", ""};
  };
  const auto elector = start(std::move(own));
  ASSERT_TRUE(listener_.elected(1));
  const Deadline began = BootClock::now();
  broken_ = true;
  ASSERT_TRUE(listener_.deposed(1));
  EXPECT_FALSE(elector->may_act());
  EXPECT_LT(BootClock::now() - began, kQuick.keeper.step_down + 500ms);
  if (code != ErrorCode::kFenced) {
    EXPECT_GT(BootClock::now() - began, kQuick.keeper.step_down - kQuick.keeper.renew_every - 100ms);
  }
  elector->work_ended();
  EXPECT_FALSE(listener_.elected(2, 400ms));
  const double seconds = std::chrono::duration<double>(BootClock::now() - began).count();
  // Here a retry pause is half of 300 ms; with a configured lease of 10 s or more it is a second.
  EXPECT_LE(calls_, 2 + seconds / 0.15);
  EXPECT_FALSE(elector->facts().database_reachable);
}

INSTANTIATE_TEST_SUITE_P(Codes, EveryError,
                         ::testing::Values(ErrorCode::kUnavailable, ErrorCode::kDeadlineExceeded,
                                           ErrorCode::kOutcomeUnknown, ErrorCode::kAborted,
                                           ErrorCode::kResourceExhausted, ErrorCode::kPermissionDenied,
                                           ErrorCode::kFailedPrecondition, ErrorCode::kInternal,
                                           ErrorCode::kFenced),
                         [](const ::testing::TestParamInfo<ErrorCode>& one) {
                           std::string name(to_string(one.param));
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

// Blocks the elector's thread in elected(), as a callback with a bug would.
class BlockingListener final : public ElectorListener {
 public:
  void elected(const Term& /*term*/, std::stop_token over) override {
    std::unique_lock lock(mutex_);
    over_ = std::move(over);
    changed_.notify_all();
    changed_.wait_for(lock, 20s, [this] { return released_; });
  }
  void deposed(const Error& /*why*/) override {}
  void notice(const std::string& /*payload*/) override {}
  std::stop_token blocked() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 10s, [this] { return over_.stop_possible(); });
    return over_;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::stop_token over_;
  bool released_ = false;
};

// I7: the thread that should renew hangs; the term watch ends the term by its deadline all the same.
// All on the elector's thread, but for the end.
class Announcements final : public ElectorListener {
 public:
  void elected(const Term& /*term*/, std::stop_token /*over*/) override {}
  void deposed(const Error& /*why*/) override {}
  void notice(const std::string& /*payload*/) override {}
  void renews_at(Deadline when) override {
    EXPECT_LE(when, deadline_in(kQuick.keeper.renew_every));
    announced_ = when;
  }
  void renewed(std::chrono::nanoseconds took) override {
    EXPECT_NE(announced_, Deadline{});
    EXPECT_GE(BootClock::now() - took, announced_);
    if (++renewals_ == 3) done_.release();
  }
  bool three_renewals() { return done_.try_acquire_for(10s); }

 private:
  Deadline announced_{};
  int renewals_ = 0;
  std::binary_semaphore done_{0};
};

TEST_F(ElectorTest, SaysWhenItWillRenewBeforeItDoes) {
  Announcements listener;
  auto elector = *Elector::start(store(), {"host-1", "openwebui-sync-node-a", "n1"}, kQuick, listener);
  EXPECT_TRUE(listener.three_renewals());
}

TEST_F(ElectorTest, F05_ABlockedLoopActsNoLongerThanItsDeadline) {
  BlockingListener blocking;
  const auto began = BootClock::now();
  auto elector = Elector::start(store(), {"host-1", "openwebui-sync-node-a", "n1"}, kQuick, blocking);
  ASSERT_TRUE(elector);
  const auto over = blocking.blocked();
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, over, 10s, [] { return false; });
  EXPECT_TRUE(over.stop_requested());
  EXPECT_FALSE((*elector)->may_act());
  EXPECT_LT(BootClock::now() - began, kQuick.keeper.lease + 500ms);
  blocking.release();
}

TEST_F(ElectorTest, F38_AWrongPasswordIsAskedAboutEveryFewSeconds) {
  // I10: five seconds after the first refusal, doubling from there.
  auto own = store();
  own->before = [&](std::string_view) -> Status {
    ++calls_;
    return Error{ErrorCode::kFailedPrecondition, "password authentication failed", ""};
  };
  const auto elector = start(std::move(own));
  EXPECT_FALSE(listener_.elected(1, 3s));
  for (int i = 0; i < 100; ++i) elector->wake();
  EXPECT_FALSE(listener_.elected(1, 500ms));
  EXPECT_EQ(calls_, 1);
}

TEST_F(ElectorTest, F17_EveryLostAnswerIsSurvived) {
  // I2, I6, I9: any call may have been applied although its answer says otherwise.
  for (const std::string_view lost : {"acquire", "renew", "release", "observe", "beat"}) {
    row_->expires = {};
    Listener listener;
    auto own = store("n-" + std::string(lost));
    std::atomic<bool> once{true};
    own->after = [&](std::string_view name) -> Status {
      if (name != lost || !once.exchange(false)) return {};
      return Error{ErrorCode::kOutcomeUnknown, "the answer was lost", ""};
    };
    const int64_t epoch = row_->epoch;
    auto elector = *Elector::start(
        std::move(own), {"host-1", "openwebui-sync-node-a", "n-" + std::string(lost)}, kQuick, listener);
    ASSERT_TRUE(listener.elected(1)) << lost;
    EXPECT_FALSE(listener.deposed(1, 500ms)) << lost;
    std::thread work([&] {
      listener.deposed(1);
      elector->work_ended();
    });
    EXPECT_TRUE(elector->stop(deadline_in(2s))) << lost;
    work.join();
    EXPECT_EQ(row_->epoch, epoch + 1) << lost << ": granted twice";
    EXPECT_EQ(row_->expires, Deadline{}) << lost;
  }
}

TEST_F(ElectorTest, TheCounterMovesWhileNothingHappens) {
  const auto elector = start(store());
  ASSERT_TRUE(listener_.elected(1));
  const uint64_t before = elector->turns();
  EXPECT_FALSE(listener_.deposed(1, 2500ms));
  EXPECT_GT(elector->turns(), before);
  EXPECT_GE(row_->beats, 2) << "this node is marked as alive";
}

TEST_F(ElectorTest, F37_ChangedTimesHoldFromTheNextRenewalAndABadOrderIsRefused) {
  // I5: a reload is no election.
  const auto elector = start(store());
  ASSERT_TRUE(listener_.elected(1));
  ElectionTimes bad = kQuick;
  bad.keeper.step_down = 5s;
  EXPECT_EQ(elector->retime(bad).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(elector->retime(ElectionTimes::from(60s, 30s)));
  const Deadline end = deadline_in(5s);
  while (elector->facts().act_until < deadline_in(40s) && BootClock::now() < end) {
  }
  EXPECT_GT(elector->facts().act_until, deadline_in(40s));
  EXPECT_FALSE(listener_.deposed(1, 300ms));
}

TEST_F(ElectorTest, AFollowerKnowsWhoLeadsAndForHowLong) {
  test::FakeLeaseStore other(row_, "host-1", "openwebui-sync-node-b", "n2");
  ASSERT_TRUE(other.acquire(30s, deadline_in(1s)));
  const auto elector = start(store());
  while (elector->facts().leader_id.empty()) {
  }
  const LeadershipFacts facts = elector->facts();
  EXPECT_FALSE(facts.leading);
  EXPECT_EQ(facts.leader_id, "openwebui-sync-node-b");
  EXPECT_EQ(facts.epoch, 1);
  ASSERT_TRUE(facts.lease_ends);
  EXPECT_GT(*facts.lease_ends, deadline_in(25s));
  EXPECT_TRUE(facts.database_reachable);
  EXPECT_EQ(facts.attempts, 0U);
  row_->notify("cache client 7");
  EXPECT_TRUE(listener_.notices(1));
}

TEST_F(ElectorTest, ALeaderKeepsWhatItRenewsWithAStandbyGivesItBackBetweenLooks) {
  auto leading = store();
  const auto* leader = leading.get();
  auto elector = start(std::move(leading));
  ASSERT_TRUE(listener_.elected(1));
  EXPECT_FALSE(listener_.deposed(1, 2500ms));  // renewals, and the loop's own turns
  EXPECT_EQ(leader->rests, 0);
  Listener other;
  auto following = std::make_unique<test::FakeLeaseStore>(row_, "host-1", "openwebui-sync-node-b", "n2");
  const auto* follower = following.get();
  ElectionTimes slow = kQuick;
  slow.keeper = {.attempt = 200ms, .renew_every = 3s, .step_down = 10s, .lease = 12s};
  const auto standby =
      *Elector::start(std::move(following), {"host-1", "openwebui-sync-node-b", "n2"}, slow, other);
  const Deadline end = deadline_in(5s);
  while (follower->rests == 0 && BootClock::now() < end) {
  }
  EXPECT_GT(follower->rests, 0);
}

TEST_F(ElectorTest, WhomAPoolerKeepsWaitingDoesNotCallTheDatabaseGoneBeforeALeaseHasPassed) {
  test::FakeLeaseStore other(row_, "host-1", "openwebui-sync-node-b", "n2");
  ASSERT_TRUE(other.acquire(30s, deadline_in(1s)));
  auto own = store();
  own->waits = true;
  own->before = [&](std::string_view) -> Status {
    if (!broken_) return {};
    return Error{ErrorCode::kDeadlineExceeded, "let in, but not served", ""};
  };
  const auto elector = start(std::move(own));
  const auto seen = [&](auto what) {
    for (const Deadline end = deadline_in(10s); BootClock::now() < end;) {
      if (what(elector->facts())) return true;
    }
    return false;
  };
  ASSERT_TRUE(seen([](const auto& facts) { return facts.database_reachable; }));
  broken_ = true;
  const Deadline broke = BootClock::now();
  ASSERT_TRUE(seen([](const auto& facts) { return facts.kept_waiting; }));
  EXPECT_TRUE(elector->facts().database_reachable);
  EXPECT_FALSE(elector->facts().last_error.empty());
  ASSERT_TRUE(seen([](const auto& facts) { return !facts.database_reachable; }));
  EXPECT_GT(BootClock::now() - broke, kQuick.keeper.lease - kQuick.keeper.renew_every - 200ms);
  EXPECT_FALSE(elector->facts().kept_waiting);
  broken_ = false;
  EXPECT_TRUE(seen([](const auto& facts) { return facts.database_reachable && !facts.kept_waiting; }));
}

TEST_F(ElectorTest, AnExpiredLeaseThatStillMovesIsNotTaken) {
  // F12: the server's clock says expired, the holder renews all the same; only silence over 1.2 renewals
  // counts.
  test::FakeLeaseStore other(row_, "host-1", "openwebui-sync-node-b", "n2");
  ASSERT_TRUE(other.acquire(1s, deadline_in(1s)));
  auto own = store();
  std::atomic<bool> moving{true};
  Deadline moved{};
  own->before = [&](std::string_view name) -> Status {
    const std::lock_guard lock(row_->mutex);
    if (moving) {
      row_->expires = BootClock::now() - 1s;
      ++row_->renew_seq;
      moved = BootClock::now();
    }
    EXPECT_FALSE(moving && name == "acquire");
    return {};
  };
  const auto elector = start(std::move(own));
  EXPECT_FALSE(listener_.elected(1, 1500ms));
  moving = false;
  ASSERT_TRUE(listener_.elected(1));
  const std::lock_guard lock(row_->mutex);
  EXPECT_GE(BootClock::now() - moved, kQuick.keeper.renew_every * 12 / 10);
}

}  // namespace
}  // namespace syncnode::lease
