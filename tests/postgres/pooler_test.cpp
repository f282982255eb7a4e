// The same calls through PgBouncer, in session and in transaction mode: nothing we do needs a session.
#include <gtest/gtest.h>

#include <stop_token>
#include <string>
#include <thread>

#include "postgres/connection.h"
#include "postgres/fence.h"
#include "postgres/postgres_lease_store.h"
#include "postgres/private_pooler.h"
#include "support/private_postgres.h"

namespace syncnode::postgres {
namespace {

using namespace std::chrono_literals;

constexpr char kNonce[] = "11111111-1111-4111-8111-111111111111";

Deadline soon() {
  return deadline_in(20s);
}

Connection must_open(const std::string& url) {
  auto connection = Connection::open({url, "pooler_test"}, soon());
  if (!connection) throw std::runtime_error(connection.error().to_string());
  return std::move(*connection);
}

class PoolerTest : public ::testing::TestWithParam<const char*> {
 protected:
  PoolerTest() {
    static int count = 0;
    cluster_ = server_.create_cluster("pooled-" + std::to_string(++count));
    pooler_ =
        std::make_unique<test::PrivatePooler>(GetParam(), std::vector{server_.admin_url(), cluster_.url});
  }

  test::PrivatePostgres& server_ = test::PrivatePostgres::shared();
  test::PrivatePostgres::Cluster cluster_;
  std::unique_ptr<test::PrivatePooler> pooler_;
};

INSTANTIATE_TEST_SUITE_P(Mode, PoolerTest, ::testing::Values("session", "transaction"),
                         [](const auto& mode) { return std::string(mode.param); });

TEST_P(PoolerTest, CopyBothWaysInsideATransaction) {
  Connection connection = must_open(pooler_->url(server_.admin_url()));
  auto transaction = Transaction::begin(connection, {}, soon());
  ASSERT_TRUE(transaction) << transaction.error().to_string();
  ASSERT_TRUE(connection.simple("CREATE TEMPORARY TABLE t (id int) ON COMMIT DROP", soon()));
  ASSERT_TRUE(connection.copy_in_begin("COPY t FROM STDIN", soon()));
  ASSERT_TRUE(connection.copy_in_write("1\n2\n3\n", soon()));
  auto copied = connection.copy_in_finish(soon());
  ASSERT_TRUE(copied) << copied.error().to_string();
  EXPECT_EQ(*copied, 3);
  std::string back;
  ASSERT_TRUE(connection.copy_out(
      "COPY (SELECT id FROM t ORDER BY id) TO STDOUT",
      [&](std::string_view chunk) {
        back += chunk;
        return Status();
      },
      soon()));
  EXPECT_EQ(back, "1\n2\n3\n");
  EXPECT_TRUE(transaction->commit(soon()));
}

TEST_P(PoolerTest, ABackEndPoisonedByAnotherClientDoesNoHarm) {
  Connection poisoner = must_open(pooler_->url(cluster_.url));
  // In transaction mode this stays on the back end, and the next client gets it.
  ASSERT_TRUE(poisoner.simple(
      "SET default_transaction_read_only = on; SET search_path = public; SET bytea_output = escape", soon()));
  poisoner.close();
  Connection connection = must_open(pooler_->url(cluster_.url));
  auto transaction = Transaction::begin(connection, {}, soon());
  ASSERT_TRUE(transaction);
  auto host = register_host(connection, cluster_.name, "node-a", soon());
  ASSERT_TRUE(host) << host.error().to_string();
  EXPECT_EQ(connection.query("SELECT '\\x00'::bytea", {}, soon())->text(0, 0), "\\x00");
  EXPECT_TRUE(transaction->commit(soon()));
}

TEST_P(PoolerTest, LeaseAndFenceWork) {
  PostgresLeaseStore store({pooler_->url(cluster_.url), "pooler_test"},
                           {cluster_.name, "openwebui-sync-node-a", "", kNonce, 0});
  auto granted = store.acquire(30s, soon());
  ASSERT_TRUE(granted) << granted.error().to_string();
  ASSERT_TRUE(*granted);
  const Term term = (*granted)->term;
  ASSERT_TRUE(store.renew(term, 30s, soon()));
  Connection connection = must_open(pooler_->url(cluster_.url));
  auto transaction = Transaction::begin(connection, {}, soon());
  ASSERT_TRUE(transaction);
  ASSERT_TRUE(register_host(connection, cluster_.name, "node-a", soon()));
  ASSERT_TRUE(fence(connection, term, soon()));
  ASSERT_TRUE(store.renew(term, 30s, soon())) << "a fenced writer must not delay a renewal";
  ASSERT_TRUE(transaction->commit(soon()));
  ASSERT_TRUE(store.release(term, soon()));
  EXPECT_LE(store.observe(soon())->remaining, 0ms);
}

TEST_P(PoolerTest, IsToldFromADirectConnection) {
  EXPECT_FALSE(must_open(pooler_->url(cluster_.url)).is_direct());
  EXPECT_TRUE(must_open(cluster_.url).is_direct());
}

TEST(Pooler, WhomAFullPoolKeepsWaitingKnowsWhyAndCanBeStopped) {
  test::PrivatePostgres& server = test::PrivatePostgres::shared();
  const auto cluster = server.create_cluster("full-pool");
  const test::PrivatePooler pooler("session", {cluster.url}, "", 1);
  const ConnectOptions options{pooler.url(cluster.url), "t"};
  Connection holder = must_open(options.url);
  std::stop_source stop;
  std::jthread stopper([&] {
    const auto late = Connection::open(options, deadline_in(300ms));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::kDeadlineExceeded) << late.error().to_string();
    EXPECT_TRUE(was_kept_waiting(late.error())) << late.error().to_string();
    stop.request_stop();
  });
  const Deadline begun = BootClock::now();
  const auto stopped = Connection::open(options, soon(), stop.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled) << stopped.error().to_string();
  EXPECT_LT(BootClock::now() - begun, 5s);
  holder.close();
  EXPECT_TRUE(Connection::open(options, soon())) << "those who gave up are not served";
}

TEST(Pooler, ThatLogsInAsSomebodyElseIsRefused) {
  test::PrivatePostgres& server = test::PrivatePostgres::shared();
  const auto cluster = server.create_cluster("forced");
  const test::PrivatePooler pooler("transaction", {server.admin_url(), cluster.url}, "admin");
  auto connection = Connection::open({pooler.url(cluster.url), "t"}, soon());
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::kPermissionDenied) << connection.error().to_string();
  EXPECT_NE(connection.error().message.find("'admin'"), std::string::npos) << connection.error().message;
}

TEST(Pooler, AnUnknownDatabaseIsAConfigurationError) {
  test::PrivatePostgres& server = test::PrivatePostgres::shared();
  const test::PrivatePooler pooler("session", {server.admin_url()});
  std::string url = pooler.url(server.admin_url());
  url.replace(url.find("/sync?"), 6, "/other?");
  auto connection = Connection::open({url, "t"}, soon());
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::kFailedPrecondition) << connection.error().to_string();
}

}  // namespace
}  // namespace syncnode::postgres
