// Which writes of the lease row wait for the disk: all but a renewal whose loss would take nothing away.
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <future>

#include "postgres/postgres_lease_store.h"
#include "support/private_postgres.h"

namespace syncnode {
namespace {

using namespace std::chrono_literals;

constexpr char kNonce[] = "11111111-1111-4111-8111-111111111111";

Deadline soon() {
  return deadline_in(10s);
}

// While the server's log writer stands still, only a COMMIT that waits for the disk moves what is on it.
class RenewalDurability : public testing::Test {
 protected:
  void SetUp() override {
    configure("autovacuum", "off");  // its COMMITs wait
    log_writer_ = std::stoi(ask("SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'"));
    ASSERT_EQ(kill(log_writer_, SIGSTOP), 0);
    std::string state;
    while (state != "T") {
      std::ifstream stat("/proc/" + std::to_string(log_writer_) + "/stat");
      std::string pid, name;
      ASSERT_TRUE(stat >> pid >> name >> state);
    }
    const auto taken = store.acquire(200s, soon());
    ASSERT_TRUE(taken && *taken);
    term = (*taken)->term;
  }
  void TearDown() override { kill(log_writer_, SIGCONT); }

  static std::string ask(const std::string& sql) {
    return test::PrivatePostgres::shared().superuser_psql(sql);
  }
  std::unique_ptr<postgres::PostgresLeaseStore> another_store() const {
    return std::make_unique<postgres::PostgresLeaseStore>(
        postgres::ConnectOptions{cluster.url, "durability_test"},
        postgres::LeaseIdentity{cluster.name, "node-a", "", kNonce, 0, "host/node-a", "{}"});
  }
  // Renews; whether that waited for the disk.
  bool waits(LeaseStore& of, std::chrono::seconds lease) {
    const std::string before = ask("SELECT pg_current_wal_insert_lsn()");
    const auto renewed = of.renew(term, lease, soon());
    EXPECT_TRUE(renewed.has_value()) << renewed.error().to_string();
    return ask("SELECT pg_current_wal_flush_lsn() > '" + before + "'") == "t";
  }
  bool waits(std::chrono::seconds lease) { return waits(store, lease); }
  static void configure(const std::string& name, const std::string& value) {  // no ALTER SYSTEM in psql -1
    ask("COPY (SELECT $$" + name + " = '" + value +
        "'$$) TO PROGRAM 'cat >>postgresql.auto.conf'; SELECT pg_reload_conf()");
    const Deadline deadline = soon();
    while (ask("SHOW " + name) != value) ASSERT_LT(BootClock::now(), deadline);
  }
  // All that was committed before.
  static void reaches_the_disk() { ask("SELECT pg_logical_emit_message(true, 'test', '')"); }

  const test::PrivatePostgres::Cluster cluster = test::PrivatePostgres::shared().create_cluster(
      "durable" + std::to_string(testing::UnitTest::GetInstance()->current_test_info()->line()));
  const std::unique_ptr<postgres::PostgresLeaseStore> owned_ = another_store();
  postgres::PostgresLeaseStore& store = *owned_;
  Term term;

 private:
  pid_t log_writer_ = 0;
};

TEST_F(RenewalDurability, OnlyWhatTheRowOnTheDiskCoversIsNotWaitedFor) {
  EXPECT_FALSE(waits(200s)) << "the row on the disk runs as long as anybody acts on this renewal";
  // A longer lease: its holder would act for 450 s, the row on the disk ends after 200.
  EXPECT_TRUE(waits(600s));
  EXPECT_FALSE(waits(600s));
  // A lease of 700 s: the one of 600 s on the disk covers the 525 s its holder would act, one of 850 s (637)
  // not, however far the renewals since that did not wait have moved the row.
  EXPECT_FALSE(waits(700s));
  EXPECT_TRUE(waits(850s));
  EXPECT_TRUE(waits(*another_store(), 600s)) << "it does not know what the row said before";
}

TEST_F(RenewalDurability, ARenewalIsSeenToHaveReachedTheDisk) {
  EXPECT_FALSE(waits(260s));
  reaches_the_disk();
  EXPECT_FALSE(waits(300s)) << "225 s, and the renewal of 260 s is on the disk by now";
  EXPECT_TRUE(waits(400s)) << "300 s, and the renewal of 300 s is not";
  // Nobody waits as long as each is on the disk by the time of the next.
  for (const auto lease : {500s, 600s, 750s, 950s, 1200s}) {
    EXPECT_FALSE(waits(lease)) << lease.count();
    reaches_the_disk();
  }
}

// What the log says of a renewal is worth nothing when the server forgot that renewal.
TEST_F(RenewalDurability, AServerThatForgotARenewalIsNotBelieved) {
  EXPECT_FALSE(waits(260s));
  ask("SET LOCAL session_replication_role = replica;"  // no guard
      "UPDATE sync_metadata.leader_election SET renew_seq = renew_seq - 1 WHERE cluster_name = '" +
      cluster.name + "'");
  reaches_the_disk();
  EXPECT_TRUE(waits(300s));
}

// Where standbys must confirm a COMMIT, the server's own disk says too little.
TEST_F(RenewalDurability, WhereStandbysConfirmOnlyTheyCount) {
  EXPECT_FALSE(waits(260s));
  reaches_the_disk();
  configure("synchronous_standby_names", "nobody");
  auto renewed = std::async(std::launch::async, [&] { return store.renew(term, 300s, soon()).has_value(); });
  const Deadline deadline = soon();
  const std::string waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
  while (ask(waiting) != "1" && BootClock::now() < deadline) {
  }
  EXPECT_LT(BootClock::now(), deadline) << "it did not wait for a standby";
  configure("synchronous_standby_names", "");
  EXPECT_TRUE(renewed.get());
}

TEST_F(RenewalDurability, AServerThatDoesNotTellItsLogIsWaitedFor) {
  ask("REVOKE EXECUTE ON FUNCTION pg_current_wal_flush_lsn(), pg_current_wal_insert_lsn() FROM PUBLIC");
  EXPECT_FALSE(waits(260s));
  reaches_the_disk();
  EXPECT_TRUE(waits(300s));
  EXPECT_FALSE(waits(300s));
  ask("GRANT EXECUTE ON FUNCTION pg_current_wal_flush_lsn(), pg_current_wal_insert_lsn() TO PUBLIC");
}

}  // namespace
}  // namespace syncnode
