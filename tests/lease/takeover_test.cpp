// One writer: the fence against takeovers, renewals and late COMMITs on a real server; the keeper when it
// freezes.
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>

#include "lease/keeper.h"
#include "postgres/fence.h"
#include "postgres/postgres_lease_store.h"
#include "postgres/tcp_proxy.h"
#include "support/private_postgres.h"

namespace syncnode::postgres {
namespace {

using namespace std::chrono_literals;

constexpr char kNonceA[] = "11111111-1111-4111-8111-111111111111";
constexpr char kNonceB[] = "22222222-2222-4222-8222-222222222222";

Deadline soon() {
  return deadline_in(20s);
}

class TakeoverTest : public ::testing::Test {
 protected:
  TakeoverTest() {
    static int count = 0;
    cluster_ = server_.create_cluster("takeover-" + std::to_string(++count));
  }
  Connection must_open() {
    auto connection = Connection::open({cluster_.url, "takeover_test"}, soon());
    if (!connection) throw std::runtime_error(connection.error().to_string());
    return std::move(*connection);
  }
  PostgresLeaseStore store(const std::string& leader, const char* nonce) {
    return {{cluster_.url, "takeover_test"}, {cluster_.name, leader, "", nonce, 0}};
  }
  static Grant must_acquire(LeaseStore& store, std::chrono::seconds lease = 30s) {
    auto granted = store.acquire(lease, soon());
    if (!granted) throw std::runtime_error(granted.error().to_string());
    if (!*granted) throw std::runtime_error("the lease was not granted");
    return **granted;
  }
  void expire() { set_expiry("clock_timestamp()"); }
  void set_expiry(const std::string& expression) {
    server_.superuser_psql("UPDATE sync_metadata.leader_election SET expires_at = " + expression +
                           " WHERE cluster_name = '" + cluster_.name + "'");
  }
  // Until somebody of this cluster's login waits for a lock.
  void wait_for_waiter() {
    while (server_.superuser_psql(
               "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = '" +
               cluster_.login + "'") == "0") {
    }
  }
  std::string heartbeats(const std::string& host) {
    return server_.superuser_psql("SELECT count(*) FROM sync_metadata.hosts WHERE hostname = '" + host + "'");
  }

  test::PrivatePostgres& server_ = test::PrivatePostgres::shared();
  test::PrivatePostgres::Cluster cluster_;
};

TEST_F(TakeoverTest, TheFencePassesThisTermOnly) {
  PostgresLeaseStore a = store("openwebui-sync-node-a", kNonceA);
  const Term term = must_acquire(a).term;
  Connection connection = must_open();
  const auto verdict = [&](const Term& tried) -> ErrorCode {
    auto transaction = Transaction::begin(connection, {}, soon());
    Status held = fence(connection, tried, soon());
    return held ? ErrorCode::kInternal : held.error().code;
  };
  EXPECT_EQ(verdict(term), ErrorCode::kInternal) << "the current term was refused";
  Term wrong = term;
  ++wrong.epoch;
  EXPECT_EQ(verdict(wrong), ErrorCode::kFenced);
  wrong = term;
  wrong.nonce = kNonceB;
  EXPECT_EQ(verdict(wrong), ErrorCode::kFenced);
  wrong = term;
  wrong.leader_id = "openwebui-sync-node-b";
  EXPECT_EQ(verdict(wrong), ErrorCode::kFenced);
}

TEST_F(TakeoverTest, ATakeoverWaitsForAWriterThatPassedTheFence) {
  PostgresLeaseStore a = store("openwebui-sync-node-a", kNonceA);
  PostgresLeaseStore b = store("openwebui-sync-node-b", kNonceB);
  const Term term = must_acquire(a).term;
  expire();  // before the writer begins, so that it is not taken for a relic of the lease
  Connection writer = must_open();
  auto transaction = Transaction::begin(writer, {}, soon());
  ASSERT_TRUE(transaction);
  ASSERT_TRUE(register_host(writer, cluster_.name, "written-by-a", soon()));
  ASSERT_TRUE(fence(writer, term, soon()));
  auto takeover = std::async(std::launch::async, [&] { return b.acquire(30s, soon()); });
  wait_for_waiter();
  ASSERT_TRUE(transaction->commit(soon()));
  auto granted = takeover.get();
  ASSERT_TRUE(granted) << granted.error().to_string();
  ASSERT_TRUE(*granted);
  EXPECT_EQ((*granted)->term.epoch, term.epoch + 1);
  EXPECT_EQ(heartbeats("written-by-a"), "1");
}

TEST_F(TakeoverTest, AWriterWhoseTermWasTakenMeanwhileIsFencedAndNothingStays) {
  PostgresLeaseStore a = store("openwebui-sync-node-a", kNonceA);
  PostgresLeaseStore b = store("openwebui-sync-node-b", kNonceB);
  const Term term = must_acquire(a).term;
  expire();
  Connection writer = must_open();
  {
    auto transaction = Transaction::begin(writer, {}, soon());
    ASSERT_TRUE(register_host(writer, cluster_.name, "late-write", soon()));
    must_acquire(b);
    Status fenced = fence(writer, term, soon());
    ASSERT_FALSE(fenced);
    EXPECT_EQ(fenced.error().code, ErrorCode::kFenced);
    EXPECT_EQ(transaction->commit(soon()).error().code, ErrorCode::kAborted);
  }
  EXPECT_EQ(heartbeats("late-write"), "0");
}

TEST_F(TakeoverTest, AWriterFrozenBehindTheFenceIsEndedAndItsLateCommitRefused) {
  PostgresLeaseStore a = store("openwebui-sync-node-a", kNonceA);
  PostgresLeaseStore b = store("openwebui-sync-node-b", kNonceB);
  const Term term = must_acquire(a).term;
  Connection writer = must_open();
  auto transaction = Transaction::begin(writer, {}, soon());
  ASSERT_TRUE(register_host(writer, cluster_.name, "frozen-write", soon()));
  ASSERT_TRUE(fence(writer, term, soon()));
  expire();
  const auto before = BootClock::now();
  const Grant next = must_acquire(b);
  EXPECT_LT(BootClock::now() - before, 2s);
  EXPECT_EQ(next.term.epoch, term.epoch + 1);
  Status late = transaction->commit(soon());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kOutcomeUnknown) << late.error().to_string();
  EXPECT_EQ(heartbeats("frozen-write"), "0");
}

TEST_F(TakeoverTest, AFencedWriterDoesNotDelayARenewal) {
  PostgresLeaseStore a = store("openwebui-sync-node-a", kNonceA);
  const Term term = must_acquire(a).term;
  Connection writer = must_open();
  auto transaction = Transaction::begin(writer, {}, soon());
  ASSERT_TRUE(fence(writer, term, soon()));
  auto renewed = a.renew(term, 30s, soon());
  ASSERT_TRUE(renewed) << renewed.error().to_string();
  EXPECT_TRUE(transaction->commit(soon()));
}

TEST_F(TakeoverTest, ARenewalThatWaitsForALockGivesUpAndExtendsNothing) {
  PostgresLeaseStore a = store("openwebui-sync-node-a", kNonceA);
  const Term term = must_acquire(a).term;
  auto locker = Connection::open({server_.superuser_url(), "locker"}, soon());
  ASSERT_TRUE(locker) << locker.error().to_string();
  const std::string lock = "SELECT expires_at FROM sync_metadata.leader_election WHERE cluster_name = '" +
                           cluster_.name + "' FOR UPDATE";
  auto held = Transaction::begin(*locker, {}, soon());
  auto before = locker->query(lock, {}, soon());
  ASSERT_TRUE(before) << before.error().to_string();
  auto renewed = a.renew(term, 60s, soon());
  ASSERT_FALSE(renewed);
  EXPECT_EQ(renewed.error().code, ErrorCode::kUnavailable) << renewed.error().to_string();
  auto after = locker->query(lock, {}, soon());
  EXPECT_EQ(after->text(0, 0), before->text(0, 0));
}

TEST_F(TakeoverTest, ARenewalThatOutwaitsItsLeaseIsFenced) {
  PostgresLeaseStore a = store("openwebui-sync-node-a", kNonceA);
  const Term term = must_acquire(a).term;
  auto locker = Connection::open({server_.superuser_url(), "locker"}, soon());
  auto held = Transaction::begin(*locker, {}, soon());
  const std::string shorten =
      "UPDATE sync_metadata.leader_election SET expires_at = clock_timestamp() WHERE cluster_name = '" +
      cluster_.name + "'";
  ASSERT_TRUE(locker->query(shorten, {}, soon()));
  auto renewal = std::async(std::launch::async, [&] { return a.renew(term, 30s, soon()); });
  wait_for_waiter();
  ASSERT_TRUE(held->commit(soon()));
  auto renewed = renewal.get();
  ASSERT_FALSE(renewed);
  EXPECT_EQ(renewed.error().code, ErrorCode::kFenced) << renewed.error().to_string();
}

TEST_F(TakeoverTest, AConnectionThatDiedWhileIdleIsReplaced) {
  PostgresLeaseStore a = store("openwebui-sync-node-a", kNonceA);
  const Term term = must_acquire(a).term;
  server_.superuser_psql("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '" +
                         cluster_.login + "'");
  auto renewed = a.renew(term, 30s, soon());
  EXPECT_TRUE(renewed) << renewed.error().to_string();
}

TEST_F(TakeoverTest, AnUnregisteredClusterIsAConfigurationError) {
  PostgresLeaseStore stranger({cluster_.url, "t"},
                              {"no-such-cluster", "openwebui-sync-node-a", "", kNonceA, 0});
  for (const ErrorCode code :
       {stranger.acquire(30s, soon()).error().code, stranger.observe(soon()).error().code}) {
    EXPECT_EQ(code, ErrorCode::kFailedPrecondition);
  }
}

TEST_F(TakeoverTest, AFrozenNetworkStopsTheWorkByTheDeadline) {
  test::TcpProxy proxy(test::port_of(cluster_.url));
  auto own = std::make_unique<PostgresLeaseStore>(
      ConnectOptions{test::with_port(cluster_.url, proxy.port()), "keeper"},
      LeaseIdentity{cluster_.name, "openwebui-sync-node-a", "", kNonceA, 0});
  const lease::KeeperTimes times{.attempt = 200ms, .renew_every = 300ms, .step_down = 1500ms, .lease = 3s};
  const Grant grant = must_acquire(*own, times.lease);
  std::stop_source source;
  std::mutex mutex;
  std::condition_variable changed;
  bool stopped = false;
  const std::stop_callback callback(source.get_token(), [&] {
    const std::lock_guard lock(mutex);
    stopped = true;
    changed.notify_all();
  });
  auto keeper = lease::Keeper::start(std::move(own), grant, times, source);
  ASSERT_TRUE(keeper) << keeper.error().to_string();
  // One renewal must have gone through, so that the whole path is known to work.
  PostgresLeaseStore b = store("openwebui-sync-node-b", kNonceB);
  while (b.observe(soon())->renew_seq < 2) {
  }
  const auto frozen = BootClock::now();
  proxy.freeze();
  std::unique_lock lock(mutex);
  ASSERT_TRUE(changed.wait_for(lock, 10s, [&] { return stopped; }));
  EXPECT_LT(BootClock::now() - frozen, times.step_down + 200ms);
  EXPECT_FALSE((*keeper)->may_act());
  EXPECT_EQ((*keeper)->loss()->code, ErrorCode::kDeadlineExceeded);
  const auto held_still = b.acquire(30s, soon());
  ASSERT_TRUE(held_still);
  EXPECT_FALSE(held_still->has_value()) << "the work stopped only after the lease had run out";
}

}  // namespace
}  // namespace syncnode::postgres
