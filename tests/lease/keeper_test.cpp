// The keeper against a lease row in memory: when it renews, when it stops the work, and that nothing delays
// the stop.
#include "lease/keeper.h"

#include <gtest/gtest.h>

#include <condition_variable>

#include "fakes/fake_lease_store.h"

namespace syncnode::lease {
namespace {

using namespace std::chrono_literals;

// Small but real, with room for a busy machine.
constexpr KeeperTimes kQuick{.attempt = 100ms, .renew_every = 200ms, .step_down = 1000ms, .lease = 2s};
constexpr auto kSlack = 300ms;

// Waits without polling until a stop was requested, at most ten seconds.
class Stopped {
 public:
  explicit Stopped(const std::stop_source& source)
      : callback_(source.get_token(), [this] {
          const std::lock_guard lock(mutex_);
          at_ = BootClock::now();
          changed_.notify_all();
        }) {}
  std::optional<Deadline> wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 10s, [this] { return at_.has_value(); });
    return at_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Deadline> at_;
  std::stop_callback<std::function<void()>> callback_;
};

// Counts renewals and lets a test wait for the n-th.
class Renewals {
 public:
  void count() {
    const std::lock_guard lock(mutex_);
    ++seen_;
    changed_.notify_all();
  }
  bool wait_for(int wanted) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return seen_ >= wanted; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int seen_ = 0;
};

class KeeperTest : public ::testing::Test {
 protected:
  std::unique_ptr<test::FakeLeaseStore> store(const std::string& leader = "openwebui-sync-node-a") {
    return std::make_unique<test::FakeLeaseStore>(row_, "host-1", leader, "nonce-" + leader);
  }
  std::unique_ptr<Keeper> keep(std::unique_ptr<test::FakeLeaseStore> own) {
    const Grant grant = **own->acquire(kQuick.lease, deadline_in(1s));
    granted_ = BootClock::now();
    auto keeper = Keeper::start(std::move(own), grant, kQuick, source_);
    if (!keeper) throw std::runtime_error(keeper.error().to_string());
    return std::move(*keeper);
  }

  const std::shared_ptr<test::FakeLease> row_ = std::make_shared<test::FakeLease>();
  std::stop_source source_;
  Deadline granted_;
};

TEST_F(KeeperTest, RenewsWellPastTheFirstLeaseAndReleasesAtTheEnd) {
  Renewals renewals;
  auto own = store();
  own->before_renew = [&](Deadline) {
    renewals.count();
    return Status();
  };
  {
    auto keeper = keep(std::move(own));
    ASSERT_TRUE(renewals.wait_for(15));
    EXPECT_GT(BootClock::now(), granted_ + kQuick.lease) << "longer than one lease";
    EXPECT_TRUE(keeper->may_act());
    EXPECT_FALSE(keeper->loss());
    EXPECT_FALSE(store("openwebui-sync-node-b")->acquire(1s, deadline_in(1s))->has_value());
  }
  EXPECT_FALSE(source_.stop_requested());
  EXPECT_TRUE(store("openwebui-sync-node-b")->acquire(1s, deadline_in(1s))->has_value());
}

TEST_F(KeeperTest, ALostTermStopsTheWorkAtTheNextRenewal) {
  Stopped stopped(source_);
  auto keeper = keep(store());
  {
    const std::lock_guard lock(row_->mutex);
    ++row_->epoch;
    row_->leader_id = "openwebui-sync-node-b";
  }
  const auto at = stopped.wait();
  ASSERT_TRUE(at);
  EXPECT_LT(*at, granted_ + kQuick.renew_every + kSlack);
  EXPECT_FALSE(keeper->may_act());
  ASSERT_TRUE(keeper->loss());
  EXPECT_EQ(keeper->loss()->code, ErrorCode::kFenced);
  keeper.reset();
  EXPECT_EQ(row_->leader_id, "openwebui-sync-node-b") << "a stale release changed the row";
  EXPECT_EQ(row_->epoch, 2);
}

TEST_F(KeeperTest, FailingRenewalsStopTheWorkByTheDeadlineAndNotBefore) {
  Stopped stopped(source_);
  auto own = store();
  own->before_renew = [](Deadline) -> Status { return Error{ErrorCode::kUnavailable, "no route", ""}; };
  auto keeper = keep(std::move(own));
  const auto at = stopped.wait();
  ASSERT_TRUE(at);
  EXPECT_GE(*at, granted_ + kQuick.step_down - 50ms);
  EXPECT_LT(*at, granted_ + kQuick.step_down + kSlack);
  EXPECT_FALSE(keeper->may_act());
  EXPECT_EQ(keeper->loss()->code, ErrorCode::kDeadlineExceeded);
}

TEST_F(KeeperTest, ARenewalThatHangsPastItsDeadlineDoesNotDelayTheStop) {
  Stopped stopped(source_);
  std::mutex mutex;
  std::condition_variable changed;
  bool let_go = false;
  auto own = store();
  own->before_renew = [&](Deadline) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return let_go; });
    return Status();
  };
  auto keeper = keep(std::move(own));
  const auto at = stopped.wait();
  ASSERT_TRUE(at);
  EXPECT_LT(*at, granted_ + kQuick.step_down + kSlack);
  EXPECT_FALSE(keeper->may_act());
  {
    const std::lock_guard lock(mutex);
    let_go = true;
  }
  changed.notify_all();
  keeper.reset();
}

TEST_F(KeeperTest, AnAnswerAfterTheStepDownDoesNotReviveTheTerm) {
  Stopped stopped(source_);
  auto own = store();
  Renewals answered;
  own->before_renew = [&](Deadline) {
    stopped.wait();
    answered.count();
    return Status();
  };
  auto keeper = keep(std::move(own));
  ASSERT_TRUE(answered.wait_for(1));
  // The answer is taken in somewhere in this window.
  for (const Deadline end = deadline_in(200ms); BootClock::now() < end;) ASSERT_FALSE(keeper->may_act());
  keeper.reset();
}

TEST_F(KeeperTest, OneFailedRenewalIsNoLoss) {
  Renewals renewals;
  int calls = 0;
  auto own = store();
  own->before_renew = [&](Deadline) -> Status {
    renewals.count();
    if (++calls == 2) return Error{ErrorCode::kUnavailable, "hiccup", ""};
    return {};
  };
  auto keeper = keep(std::move(own));
  ASSERT_TRUE(renewals.wait_for(8));
  EXPECT_TRUE(keeper->may_act());
  EXPECT_FALSE(source_.stop_requested());
}

TEST(KeeperTimes, MustBeOrdered) {
  EXPECT_TRUE(kQuick.validate());
  KeeperTimes times = kQuick;
  times.attempt = times.renew_every;
  EXPECT_EQ(times.validate().error().code, ErrorCode::kInvalidArgument);
  times = kQuick;
  times.renew_every = times.step_down;
  EXPECT_FALSE(times.validate());
  times = kQuick;
  times.step_down = times.lease;
  EXPECT_FALSE(times.validate());
  times = kQuick;
  times.attempt = 0ms;
  EXPECT_FALSE(times.validate());
}

TEST(KeeperTimes, DerivedOnesAreOrderedForEverySensibleSetting) {
  for (int lease = 2; lease <= 3600; ++lease) {
    for (int heartbeat : {1, 2, 5, 30, 600}) {
      if (heartbeat >= lease) continue;
      const KeeperTimes times =
          KeeperTimes::from(std::chrono::seconds(lease), std::chrono::seconds(heartbeat));
      EXPECT_TRUE(times.validate()) << lease << "/" << heartbeat;
    }
  }
  const KeeperTimes reference = KeeperTimes::from(60s, 30s);
  EXPECT_EQ(reference.step_down, 45s);
  EXPECT_EQ(reference.renew_every, 10s);
  EXPECT_EQ(reference.attempt, 3s);
  const KeeperTimes fast = KeeperTimes::from(15s, 3s);
  EXPECT_EQ(fast.renew_every, 3s);
  EXPECT_EQ(fast.attempt, 2s);
}

}  // namespace
}  // namespace syncnode::lease
