// What every LeaseStore must do, run against PostgreSQL and against the fake alike.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <thread>
#include <vector>

#include "fakes/fake_lease_store.h"
#include "postgres/postgres_lease_store.h"
#include "support/private_postgres.h"

namespace syncnode {
namespace {

using namespace std::chrono_literals;

constexpr char kNonceA[] = "11111111-1111-4111-8111-111111111111";
constexpr char kNonceB[] = "22222222-2222-4222-8222-222222222222";

Deadline soon() {
  return deadline_in(10s);
}

class InMemory {
 public:
  std::unique_ptr<LeaseStore> store(const std::string& leader, const std::string& nonce, int64_t seen = 0) {
    return std::make_unique<test::FakeLeaseStore>(lease_, "host-1", leader, nonce, seen);
  }
  void expire() {
    const std::lock_guard lock(lease_->mutex);
    lease_->expires = BootClock::now();
  }

 private:
  const std::shared_ptr<test::FakeLease> lease_ = std::make_shared<test::FakeLease>();
};

class InPostgres {
 public:
  InPostgres() {
    static int count = 0;
    cluster_ = test::PrivatePostgres::shared().create_cluster("contract-" + std::to_string(++count));
  }
  std::unique_ptr<LeaseStore> store(const std::string& leader, const std::string& nonce, int64_t seen = 0) {
    return std::make_unique<postgres::PostgresLeaseStore>(
        postgres::ConnectOptions{cluster_.url, "lease_test"},
        postgres::LeaseIdentity{cluster_.name, leader, "", nonce, seen, "host/" + leader,
                                R"({"version":"test"})", true});
  }
  void expire() {
    test::PrivatePostgres::shared().superuser_psql(
        "UPDATE sync_metadata.leader_election SET expires_at = clock_timestamp() WHERE cluster_name = '" +
        cluster_.name + "'");
  }

 private:
  test::PrivatePostgres::Cluster cluster_;
};

template <typename Row>
class LeaseStoreContract : public ::testing::Test {
 protected:
  Grant must_acquire(LeaseStore& store) {
    auto granted = store.acquire(30s, soon());
    if (!granted) throw std::runtime_error(granted.error().to_string());
    if (!*granted) throw std::runtime_error("the lease was not granted");
    return **granted;
  }

  Row row_;
  std::unique_ptr<LeaseStore> a_ = row_.store("openwebui-sync-node-a", kNonceA);
  std::unique_ptr<LeaseStore> b_ = row_.store("openwebui-sync-node-b", kNonceB);
};

using Rows = ::testing::Types<InMemory, InPostgres>;
TYPED_TEST_SUITE(LeaseStoreContract, Rows);

TYPED_TEST(LeaseStoreContract, AFreshLeaseIsGrantedWithTheFirstEpochAndTheSendInstant) {
  const Deadline before = BootClock::now();
  const Grant grant = this->must_acquire(*this->a_);
  EXPECT_EQ(grant.term.epoch, 1);
  EXPECT_EQ(grant.term.leader_id, "openwebui-sync-node-a");
  EXPECT_EQ(grant.term.nonce, kNonceA);
  EXPECT_GT(grant.expires, before + 25s);
  EXPECT_LE(grant.expires, BootClock::now() + 30s);
}

TYPED_TEST(LeaseStoreContract, AHeldLeaseIsGrantedToNobodyNotEvenItsHolder) {
  this->must_acquire(*this->a_);
  for (LeaseStore* store : {this->a_.get(), this->b_.get()}) {
    auto granted = store->acquire(30s, soon());
    ASSERT_TRUE(granted) << granted.error().to_string();
    EXPECT_FALSE(granted->has_value());
  }
}

TYPED_TEST(LeaseStoreContract, RenewalKeepsTheEpochAndMovesTheExpiry) {
  const Grant grant = this->must_acquire(*this->a_);
  auto renewed = this->a_->renew(grant.term, 60s, soon());
  ASSERT_TRUE(renewed) << renewed.error().to_string();
  EXPECT_EQ(renewed->term.epoch, grant.term.epoch);
  EXPECT_GT(renewed->expires, grant.expires + 20s);
}

TYPED_TEST(LeaseStoreContract, ReleaseLetsTheNextOneInWithAHigherEpoch) {
  const Grant first = this->must_acquire(*this->a_);
  ASSERT_TRUE(this->a_->release(first.term, soon()));
  const Grant second = this->must_acquire(*this->b_);
  EXPECT_EQ(second.term.epoch, first.term.epoch + 1);
}

TYPED_TEST(LeaseStoreContract, WhatMerelyRanOutIsNotTakenAsGivenBack) {
  const Grant first = this->must_acquire(*this->a_);
  EXPECT_FALSE(this->b_->acquire_released(30s, soon())->has_value()) << "held";
  this->row_.expire();
  EXPECT_FALSE(this->b_->acquire_released(30s, soon())->has_value()) << "ran out";
  const Grant second = this->must_acquire(*this->b_);
  ASSERT_TRUE(this->b_->release(second.term, soon()));
  const auto third = this->a_->acquire_released(30s, soon());
  ASSERT_TRUE(third && third->has_value());
  EXPECT_EQ((*third)->term.epoch, first.term.epoch + 2);
}

TYPED_TEST(LeaseStoreContract, AnExpiredLeaseCanBeTakenAndItsOldTermIsFenced) {
  const Grant first = this->must_acquire(*this->a_);
  this->row_.expire();
  EXPECT_EQ(this->a_->renew(first.term, 30s, soon()).error().code, ErrorCode::kFenced);
  const Grant second = this->must_acquire(*this->b_);
  EXPECT_GT(second.term.epoch, first.term.epoch);
  auto stale = this->a_->renew(first.term, 30s, soon());
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, ErrorCode::kFenced);
}

TYPED_TEST(LeaseStoreContract, AStaleReleaseIsASuccessThatChangesNothing) {
  const Grant first = this->must_acquire(*this->a_);
  this->row_.expire();
  const Grant second = this->must_acquire(*this->b_);
  ASSERT_TRUE(this->a_->release(first.term, soon()));
  EXPECT_TRUE(this->b_->renew(second.term, 30s, soon()));
}

TYPED_TEST(LeaseStoreContract, ADelayedReleaseOfTheSameHoldersEarlierTermChangesNothing) {
  const Grant first = this->must_acquire(*this->a_);
  this->row_.expire();
  const Grant second = this->must_acquire(*this->a_);
  ASSERT_TRUE(this->a_->release(first.term, soon()));
  EXPECT_TRUE(this->a_->renew(second.term, 30s, soon()));
}

TYPED_TEST(LeaseStoreContract, ACopiedConfigurationCannotRenewWithAnotherNonce) {
  const Grant grant = this->must_acquire(*this->a_);
  Term copied = grant.term;
  copied.nonce = kNonceB;
  auto renewed = this->b_->renew(copied, 30s, soon());
  ASSERT_FALSE(renewed);
  EXPECT_EQ(renewed.error().code, ErrorCode::kFenced);
}

TYPED_TEST(LeaseStoreContract, AnEpochSeenBeforeIsNeverGrantedAgain) {
  auto experienced = this->row_.store("openwebui-sync-node-a", kNonceA, 41);
  EXPECT_EQ(this->must_acquire(*experienced).term.epoch, 42);
}

TYPED_TEST(LeaseStoreContract, ObservationTellsHolderTermAndTime) {
  auto empty = this->b_->observe(soon());
  ASSERT_TRUE(empty) << empty.error().to_string();
  EXPECT_EQ(empty->leader_id, "");
  EXPECT_LE(empty->remaining, 0ms);
  const Grant grant = this->must_acquire(*this->a_);
  auto held = this->b_->observe(soon());
  ASSERT_TRUE(held);
  EXPECT_EQ(held->leader_id, grant.term.leader_id);
  EXPECT_EQ(held->nonce, kNonceA);
  EXPECT_EQ(held->epoch, grant.term.epoch);
  EXPECT_GT(held->remaining, 25s);
  EXPECT_LE(held->remaining, 30s);
  ASSERT_TRUE(this->a_->renew(grant.term, 30s, soon()));
  EXPECT_GT(this->b_->observe(soon())->renew_seq, held->renew_seq);
  ASSERT_TRUE(this->a_->release(grant.term, soon()));
  EXPECT_LE(this->b_->observe(soon())->remaining, 0ms);
}

TYPED_TEST(LeaseStoreContract, OfManyAtOnceExactlyOneWins) {
  std::vector<std::unique_ptr<LeaseStore>> stores;
  stores.reserve(8);
  for (int i = 0; i < 8; ++i)
    stores.push_back(this->row_.store("openwebui-sync-node-" + std::to_string(i), kNonceA));
  std::atomic<int> winners{0};
  {
    std::vector<std::jthread> threads;
    threads.reserve(stores.size());
    for (auto& store : stores) {
      threads.emplace_back([&winners, &store] {
        auto granted = store->acquire(30s, soon());
        EXPECT_TRUE(granted) << granted.error().to_string();
        if (granted && *granted) ++winners;
      });
    }
  }
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(this->a_->observe(soon())->epoch, 1);
}

TYPED_TEST(LeaseStoreContract, ObservationTellsReleasedFromRunOut) {
  EXPECT_TRUE(this->b_->observe(soon())->released) << "never held";
  const Grant grant = this->must_acquire(*this->a_);
  EXPECT_FALSE(this->b_->observe(soon())->released);
  this->row_.expire();
  EXPECT_FALSE(this->b_->observe(soon())->released);
  ASSERT_TRUE(this->a_->release(grant.term, soon()));
  EXPECT_TRUE(this->b_->observe(soon())->released);
}

TYPED_TEST(LeaseStoreContract, TheLeaseOfTheDeadIsTakenBeforeItRunsOut) {
  const Grant first = this->must_acquire(*this->a_);
  const LeaseObservation dead = *this->b_->observe(soon());
  ASSERT_GT(dead.remaining, 20s);
  auto taken = this->b_->take_over(dead, 30s, soon());
  ASSERT_TRUE(taken) << taken.error().to_string();
  ASSERT_TRUE(*taken);
  EXPECT_EQ((*taken)->term.epoch, first.term.epoch + 1);
  EXPECT_EQ((*taken)->term.nonce, kNonceB);
  EXPECT_GT((*taken)->expires, deadline_in(20s));
  EXPECT_EQ(this->a_->renew(first.term, 30s, soon()).error().code, ErrorCode::kFenced);
  auto again = this->a_->take_over(dead, 30s, soon());
  ASSERT_TRUE(again);
  EXPECT_FALSE(*again) << "the row shows another term";
}

TYPED_TEST(LeaseStoreContract, OnlyExactlyTheTermThatDiedIsTakenOver) {
  const Grant first = this->must_acquire(*this->a_);
  const LeaseObservation seen = *this->b_->observe(soon());
  std::vector<LeaseObservation> others(4, seen);
  ++others[0].epoch;
  others[1].nonce = kNonceB;
  others[2].leader_id = "openwebui-sync-node-c";
  others[3].leader_host_id = "33333333-3333-4333-8333-333333333333";
  for (const LeaseObservation& other : others) {
    auto taken = this->b_->take_over(other, 30s, soon());
    ASSERT_TRUE(taken) << taken.error().to_string();
    EXPECT_FALSE(*taken);
  }
  EXPECT_TRUE(this->a_->renew(first.term, 30s, soon()));
}

TYPED_TEST(LeaseStoreContract, ABeatIsNoClaim) {
  const Grant grant = this->must_acquire(*this->a_);
  for (LeaseStore* store : {this->a_.get(), this->b_.get(), this->a_.get()}) {
    Status beaten = store->beat(soon());
    EXPECT_TRUE(beaten) << beaten.error().to_string();
  }
  EXPECT_EQ(this->b_->observe(soon())->nonce, grant.term.nonce);
}

TYPED_TEST(LeaseStoreContract, AReleaseIsHeardByWhoWaits) {
  const Grant grant = this->must_acquire(*this->a_);
  ASSERT_TRUE(this->b_->observe(soon()));
  const UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  auto nothing = this->b_->wait(deadline_in(300ms), wake.get());
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->empty());
  ASSERT_TRUE(this->a_->release(grant.term, soon()));
  auto notices = this->b_->wait(soon(), wake.get());
  ASSERT_TRUE(notices) << notices.error().to_string();
  EXPECT_EQ(*notices, std::vector<std::string>{std::string(kReleasedNotice) + kNonceA});
  ASSERT_TRUE(this->a_->release(grant.term, soon()));
  Term stale = grant.term;
  ++stale.epoch;
  ASSERT_TRUE(this->a_->release(stale, soon()));
  notices = this->b_->wait(deadline_in(200ms), wake.get());
  EXPECT_LE(notices->size(), 1U) << "a release that changed nothing was told";
}

TYPED_TEST(LeaseStoreContract, AWaitEndsByTheDescriptorAndByTheDeadline) {
  const UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const Deadline before = BootClock::now();
  ASSERT_TRUE(this->a_->wait(deadline_in(50ms), wake.get()));
  EXPECT_GE(BootClock::now(), before + 50ms);
  const uint64_t one = 1;
  ASSERT_EQ(::write(wake.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  ASSERT_TRUE(this->a_->wait(soon(), wake.get()));
  ASSERT_TRUE(this->a_->observe(soon()));
  ASSERT_TRUE(this->a_->wait(soon(), wake.get())) << "the same on an open connection";
  EXPECT_LT(BootClock::now(), before + 5s);
}

}  // namespace
}  // namespace syncnode
