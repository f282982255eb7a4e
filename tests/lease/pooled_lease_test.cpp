// The lease behind a pooler with two server connections: who holds one and when, what is heard, and that
// finding out whether notices come delays nothing.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <thread>

#include "lease/election_node.h"
#include "postgres/hearing.h"
#include "postgres/private_pooler.h"

namespace syncnode::test {
namespace {

using namespace std::chrono_literals;

Deadline soon() {
  return deadline_in(20s);
}

class PooledLease : public ::testing::Test {
 protected:
  std::string through(const PrivatePooler& pooler) const { return pooler.url(cluster_.cluster.url); }
  PrivatePooler pool_of_two(const std::string& mode) const {
    return PrivatePooler(mode, {cluster_.cluster.url}, "", 2);
  }
  postgres::PostgresLeaseStore store(const std::string& url, int number) const {
    return {{url, "pooled lease"}, cluster_.identity('c', number)};
  }
  // What `node` says, seen to be so at some instant within a generous time.
  template <typename What>
  static bool seen(const ElectionNode& node, What what) {
    for (const Deadline end = soon(); BootClock::now() < end;) {
      if (what(node.facts())) return true;
    }
    return false;
  }
  static bool comes_to_hear(LeaseStore& store, BootClock::duration within) {
    for (const Deadline end = deadline_in(within); !store.hears_notices() && BootClock::now() < end;) {
      EXPECT_TRUE(store.wait(std::min(end, deadline_in(1s)), -1));
    }
    return store.hears_notices();
  }

  ElectionCluster cluster_;
};

TEST_F(PooledLease, AStandbyHoldsNoServerConnectionBetweenItsLooks) {
  const PrivatePooler pooler = pool_of_two("session");
  auto a = cluster_.node('a', 1, through(pooler));
  ASSERT_TRUE(a->elected_at());
  auto b = cluster_.node('b', 2, through(pooler));
  ASSERT_TRUE(seen(*b, [](const auto& facts) { return !facts.leader_id.empty(); }));
  // The leader has one of the two, so this gets the other or waits for ever.
  auto worker = postgres::Connection::open({through(pooler), "worker"}, deadline_in(5s));
  ASSERT_TRUE(worker) << worker.error().to_string();
  // Now the standby has to queue: it says so, and not that the database is gone; the leader renews.
  ASSERT_TRUE(seen(*b, [](const auto& facts) { return facts.kept_waiting; }));
  EXPECT_TRUE(b->facts().database_reachable);
  EXPECT_TRUE(a->elector().may_act());
  worker->close();
  EXPECT_TRUE(seen(*b, [](const auto& facts) { return facts.database_reachable && !facts.kept_waiting; }));
  EXPECT_EQ(a->times_elected(), 1U);
  EXPECT_EQ(b->times_elected(), 0U);
}

TEST_F(PooledLease, AFullPoolDelaysNeitherReleaseNorTakeover) {
  // One connection of two is somebody's, and stays his: what the leader gives back is what the other takes.
  const PrivatePooler pooler = pool_of_two("session");
  auto a = cluster_.node('a', 1, through(pooler));
  ASSERT_TRUE(a->elected_at());
  auto worker = postgres::Connection::open({through(pooler), "worker"}, soon());
  ASSERT_TRUE(worker) << worker.error().to_string();
  auto b = cluster_.node('b', 2, through(pooler));
  ASSERT_TRUE(a->elector().stop(deadline_in(2s)));
  const Deadline stopped = BootClock::now();
  const auto led = b->elected_at();
  ASSERT_TRUE(led) << "the one that stopped kept its connection";
  EXPECT_LT(*led - stopped, 2s);
}

TEST_F(PooledLease, ADirectConnectionHearsAtOnceAndIsKept) {
  auto direct = store(cluster_.cluster.url, 9);
  ASSERT_TRUE(direct.observe(soon()));
  EXPECT_TRUE(comes_to_hear(direct, 300ms));
  direct.rest();
  EXPECT_TRUE(direct.hears_notices());
}

TEST_F(PooledLease, ASessionModePoolerIsFoundToPassNoticesOn) {
  const PrivatePooler pooler = pool_of_two("session");
  auto probed = store(through(pooler), 9);
  ASSERT_TRUE(probed.observe(soon()));
  ASSERT_TRUE(comes_to_hear(probed, 10s));
  cluster_.server.superuser_psql("NOTIFY sync_node, '" + cluster_.cluster.name + "\nsomething'");
  const auto heard = probed.wait(soon(), -1);
  ASSERT_TRUE(heard);
  EXPECT_EQ(*heard, std::vector<std::string>{"something"});
  probed.rest();
  EXPECT_FALSE(probed.hears_notices()) << "what is given back hears nothing";
}

TEST_F(PooledLease, ATransactionModePoolerIsNotBelieved) {
  const PrivatePooler pooler = pool_of_two("transaction");
  auto deaf = store(through(pooler), 9);
  ASSERT_TRUE(deaf.observe(soon()));
  EXPECT_FALSE(comes_to_hear(deaf, 6s));
}

TEST_F(PooledLease, AWakeDuringAProbeThatNobodyHearsIsActedOnAtOnce) {
  const PrivatePooler pooler = pool_of_two("transaction");
  auto deaf = store(through(pooler), 9);
  ASSERT_TRUE(deaf.observe(soon()));
  const UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  std::atomic<Deadline> woken{Deadline{}};
  const std::jthread waker([&] {
    const std::string probed = "SELECT count(*) FROM pg_stat_activity WHERE usename = '" +
                               cluster_.cluster.login + "' AND query LIKE '%pg_notify%'";
    for (const Deadline end = soon(); BootClock::now() < end;) {
      if (cluster_.server.superuser_psql(probed) != "0") break;
    }
    woken = BootClock::now();
    const uint64_t one = 1;
    EXPECT_EQ(::write(wake.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  });
  ASSERT_TRUE(deaf.wait(soon(), wake.get()));
  ASSERT_NE(woken.load(), Deadline{}) << "it did not wait for the wake";
  EXPECT_LT(BootClock::now() - woken.load(), 200ms);
}

TEST_F(PooledLease, APayloadThatMayHaveComeWithAnAnswerProvesNothing) {
  const PrivatePooler pooler = pool_of_two("session");
  auto connection = cluster_.connect(through(pooler));
  postgres::Hearing hearing({through(pooler), "probe"}, "cluster\nprobe nonce");
  hearing.connected(connection);
  const auto next = [&]() -> std::string {
    for (const Deadline end = soon(); BootClock::now() < end;) {
      auto payloads = connection.notices(hearing.advance(connection, end), -1);
      if (!payloads || !payloads->empty()) return payloads ? payloads->front() : "";
    }
    return "";
  };
  const std::string first = next();
  hearing.about_to_ask();
  EXPECT_TRUE(hearing.takes(first));
  EXPECT_FALSE(hearing.works());
  EXPECT_FALSE(hearing.takes("cluster\nsomething"));
  const std::string second = next();
  EXPECT_NE(second, first);
  EXPECT_TRUE(hearing.takes(second));
  EXPECT_TRUE(hearing.works());
}

}  // namespace
}  // namespace syncnode::test
