// What a real server refuses with, class by class, and what we make of it.
#include <gtest/gtest.h>

#include <future>
#include <string>

#include "postgres/connection.h"
#include "support/private_postgres.h"

namespace syncnode::postgres {
namespace {

using namespace std::chrono_literals;

class RefusalTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server = new test::PrivatePostgres;
    server->admin_psql(
        "CREATE TABLE public.t (id int PRIMARY KEY, n int); INSERT INTO public.t VALUES (1, 0), (2, 0);"
        "CREATE ROLE plain LOGIN PASSWORD 'plain-password' CONNECTION LIMIT 1");
  }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }
  static Deadline soon() { return deadline_in(20s); }
  static std::string plain_url() {
    std::string url = server->admin_url();
    return url.replace(url.find("admin:"), url.find('@') - url.find("admin:"), "plain:plain-password");
  }
  static Connection must_open(const std::string& url = server->admin_url()) {
    auto connection = Connection::open({url, "refusal_test"}, soon());
    if (!connection) throw std::runtime_error(connection.error().to_string());
    return std::move(*connection);
  }
  template <typename T>
  static void expect(Connection& connection, const Result<T>& failed, ErrorCode code,
                     const std::string& sqlstate) {
    ASSERT_FALSE(failed);
    EXPECT_EQ(to_string(failed.error().code), to_string(code)) << failed.error().to_string();
    EXPECT_EQ(connection.last_sqlstate(), sqlstate);
    EXPECT_NE(failed.error().message.find("(SQLSTATE " + sqlstate + ")"), std::string::npos)
        << failed.error().message;
    EXPECT_TRUE(connection.usable());
  }

  static test::PrivatePostgres* server;
};

test::PrivatePostgres* RefusalTest::server = nullptr;

TEST_F(RefusalTest, StatementsThatAreWrongOrForbidden) {
  struct Case {
    const char* sql;
    ErrorCode code;
    const char* sqlstate;
  };
  Connection connection = must_open();
  for (const Case& wrong : {
           Case{"SELECT 'x'::int", ErrorCode::kInvalidArgument, "22P02"},
           Case{"SELECT FROM nowhere", ErrorCode::kFailedPrecondition, "42P01"},
           Case{"SELECT sync_metadata.fence()", ErrorCode::kFailedPrecondition, "3F000"},
           Case{"SELEC 1", ErrorCode::kInternal, "42601"},
           Case{"INSERT INTO public.t VALUES (1, 1)", ErrorCode::kFailedPrecondition, "23505"},
           Case{"SELECT * FROM pg_authid", ErrorCode::kPermissionDenied, "42501"},
           Case{"SET statement_timeout = '20ms'; SELECT pg_sleep(10)", ErrorCode::kDeadlineExceeded, "57014"},
           Case{"DO $$ BEGIN RAISE 'x' USING ERRCODE = 'SN001'; END $$", ErrorCode::kFenced, "SN001"},
           Case{"DO $$ BEGIN RAISE 'x' USING ERRCODE = 'SN002'; END $$", ErrorCode::kPermissionDenied,
                "SN002"},
           Case{"BEGIN READ ONLY; DELETE FROM public.t", ErrorCode::kUnavailable, "25006"},
       }) {
    expect(connection, connection.simple(wrong.sql, soon()), wrong.code, wrong.sqlstate);
    ASSERT_TRUE(connection.simple("ROLLBACK; RESET ALL", soon()));
  }
}

TEST_F(RefusalTest, ASerializationFailureAborts) {
  Connection ours = must_open();
  Connection theirs = must_open();
  auto transaction = Transaction::begin(ours, {.repeatable_read = true}, soon());
  ASSERT_TRUE(ours.query("SELECT n FROM public.t", {}, soon()));
  ASSERT_TRUE(theirs.query("UPDATE public.t SET n = n + 1 WHERE id = 1", {}, soon()));
  expect(ours, ours.query("UPDATE public.t SET n = n + 1 WHERE id = 1", {}, soon()), ErrorCode::kAborted,
         "40001");
}

TEST_F(RefusalTest, ADeadlockAbortsOneOfTheTwo) {
  Connection ours = must_open();
  Connection theirs = must_open();
  auto our_transaction = Transaction::begin(ours, {}, soon());
  auto their_transaction = Transaction::begin(theirs, {}, soon());
  ASSERT_TRUE(ours.query("UPDATE public.t SET n = 1 WHERE id = 1", {}, soon()));
  ASSERT_TRUE(theirs.query("UPDATE public.t SET n = 1 WHERE id = 2", {}, soon()));
  auto their_wait = std::async(
      std::launch::async, [&] { return theirs.query("UPDATE public.t SET n = 1 WHERE id = 1", {}, soon()); });
  auto our_wait = ours.query("UPDATE public.t SET n = 1 WHERE id = 2", {}, soon());
  // The survivor waits until the victim's transaction ends, which PostgreSQL sees to.
  auto their_result = their_wait.get();
  ASSERT_NE(our_wait.has_value(), their_result.has_value());
  if (our_wait) {
    expect(theirs, their_result, ErrorCode::kAborted, "40P01");
  } else {
    expect(ours, our_wait, ErrorCode::kAborted, "40P01");
  }
}

TEST_F(RefusalTest, ALockHeldTooLongIsUnavailable) {
  Connection ours = must_open();
  Connection theirs = must_open();
  auto holder = Transaction::begin(theirs, {}, soon());
  ASSERT_TRUE(theirs.query("SELECT 1 FROM public.t WHERE id = 1 FOR UPDATE", {}, soon()));
  auto waiter = Transaction::begin(ours, {.lock_timeout = 50ms}, soon());
  expect(ours, ours.query("SELECT 1 FROM public.t WHERE id = 1 FOR UPDATE", {}, soon()),
         ErrorCode::kUnavailable, "55P03");
}

TEST_F(RefusalTest, AnIdleTransactionIsEndedByTheServer) {
  Connection ours = must_open();
  Connection watcher = must_open();
  const std::string pid = std::to_string(ours.backend_pid());
  auto transaction = Transaction::begin(ours, {.idle_timeout = 50ms}, soon());
  while (watcher.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1::int", {Param::text(pid)}, soon())
             ->count() > 0) {
  }
  auto rows = ours.query("SELECT 1", {}, soon());
  ASSERT_FALSE(rows);
  EXPECT_EQ(ours.last_sqlstate(), "25P03") << rows.error().to_string();
  EXPECT_EQ(rows.error().code, ErrorCode::kAborted);
  EXPECT_FALSE(ours.usable());
}

TEST_F(RefusalTest, TooManyConnectionsIsUnavailable) {
  const Connection first = must_open(plain_url());
  auto second = Connection::open({plain_url(), "t"}, soon());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable) << second.error().to_string();
  EXPECT_NE(second.error().message.find("53300"), std::string::npos) << second.error().message;
}

TEST_F(RefusalTest, AMissingDatabaseIsNamed) {
  std::string url = server->admin_url();
  url.replace(url.rfind("/sync"), 5, "/nosuch");
  auto connection = Connection::open({url, "t"}, soon());
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(connection.error().message.find("3D000"), std::string::npos) << connection.error().message;
  EXPECT_NE(connection.error().message.find("nosuch"), std::string::npos);
}

}  // namespace
}  // namespace syncnode::postgres
