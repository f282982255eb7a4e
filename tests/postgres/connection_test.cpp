// Connection and Transaction against a real server: what they return, and what they refuse.
#include "postgres/connection.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>

#include "support/private_postgres.h"

namespace syncnode::postgres {
namespace {

using namespace std::chrono_literals;

class ConnectionTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server = new test::PrivatePostgres; }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }

  static Connection open(const std::string& url = server->admin_url()) {
    auto connection = Connection::open({url, "connection_test"}, deadline_in(10s));
    if (!connection) throw std::runtime_error(connection.error().to_string());
    return std::move(*connection);
  }
  static Deadline soon() { return deadline_in(10s); }

  static test::PrivatePostgres* server;
};

test::PrivatePostgres* ConnectionTest::server = nullptr;

// A renewal that nobody ends, so that who gives way waits for as long as anybody does.
TEST_F(ConnectionTest, StatementsAndCopyPiecesGiveWay) {
  const auto renewal = std::make_shared<RightOfWay>();
  auto opened = Connection::open({server->admin_url(), "connection_test", renewal}, soon());
  ASSERT_TRUE(opened) << opened.error().to_string();
  ASSERT_TRUE(opened->simple("CREATE TEMP TABLE t(a int)", soon()));
  const auto gave_way = [&](const std::function<bool()>& call) {
    const Deadline at = BootClock::now();
    renewal->announce(at);
    return call() && BootClock::now() >= at + RightOfWay::kMost;
  };
  EXPECT_TRUE(gave_way([&] { return opened->query("SELECT 1", {}, soon()).has_value(); }));
  EXPECT_TRUE(gave_way([&] { return opened->simple("SELECT 1", soon()).has_value(); }));
  ASSERT_TRUE(opened->copy_in_begin("COPY t FROM STDIN", soon()));
  EXPECT_TRUE(gave_way([&] { return opened->copy_in_write("1\n", soon()).has_value(); }));
  const auto copied = opened->copy_in_finish(soon());
  ASSERT_TRUE(copied) << copied.error().to_string();
  EXPECT_EQ(*copied, 1);
}

TEST_F(ConnectionTest, QueryTakesTextNullAndBinaryParameters) {
  Connection connection = open();
  auto rows = connection.query("SELECT $1::int8 + 1, $2::text, $3::bytea = '\\x00ff', $4::text IS NULL",
                               {Param::text("41"), Param::text("it's"),
                                Param::binary_of(17, std::string_view("\0\xff", 2)), Param::null()},
                               soon());
  ASSERT_TRUE(rows) << rows.error().to_string();
  EXPECT_EQ(rows->count(), 1);
  EXPECT_EQ(rows->columns(), 4);
  EXPECT_EQ(rows->int64(0, 0), 42);
  EXPECT_EQ(rows->text(0, 1), "it's");
  EXPECT_TRUE(rows->boolean(0, 2));
  EXPECT_TRUE(rows->boolean(0, 3));
  EXPECT_GT(connection.bytes_sent(), 40U);
  EXPECT_GT(connection.bytes_received(), 4U);
}

TEST_F(ConnectionTest, EmptyParametersAreNotNull) {
  Connection connection = open();
  auto rows = connection.query("SELECT $1::text = '', $2::bytea = ''",
                               {Param::text({}), Param::binary_of(17, {})}, soon());
  ASSERT_TRUE(rows) << rows.error().to_string();
  EXPECT_TRUE(rows->boolean(0, 0));
  EXPECT_TRUE(rows->boolean(0, 1));
}

TEST_F(ConnectionTest, BinaryResultsAreTheServersBytes) {
  Connection connection = open();
  auto rows = connection.query_binary("SELECT 258::int4", {}, soon());
  ASSERT_TRUE(rows) << rows.error().to_string();
  EXPECT_EQ(rows->text(0, 0), std::string_view("\0\0\1\2", 4));
}

TEST_F(ConnectionTest, AParameterLargerThanAnySocketBufferArrives) {
  Connection connection = open();
  const std::string large(8 << 20, 'x');
  auto rows = connection.query("SELECT length($1::text), $1::text", {Param::text(large)}, soon());
  ASSERT_TRUE(rows) << rows.error().to_string();
  EXPECT_EQ(rows->int64(0, 0), 8 << 20);
  EXPECT_EQ(rows->text(0, 1), large);
}

TEST_F(ConnectionTest, SimpleRunsSeveralStatementsAndStopsAtTheFirstError) {
  Connection connection = open();
  auto rows = connection.simple("SELECT 1; SELECT 2", soon());
  ASSERT_TRUE(rows) << rows.error().to_string();
  EXPECT_EQ(rows->int64(0, 0), 2);
  rows = connection.simple("SELECT 1; SELECT 1/0; SELECT 3", soon());
  ASSERT_FALSE(rows);
  EXPECT_EQ(connection.last_sqlstate(), "22012");
  EXPECT_TRUE(connection.usable());
  EXPECT_TRUE(connection.simple("SELECT 4", soon()));
  EXPECT_EQ(connection.last_sqlstate(), "");
}

TEST_F(ConnectionTest, QuotedLiteralsAndIdentifiersComeBackAsTheyWere) {
  Connection connection = open();
  const std::string odd = R"(a'b\c"d{e};--)";
  auto rows =
      connection.simple("SET standard_conforming_strings = off; SELECT " + Connection::quote_literal(odd) +
                            " AS " + Connection::quote_identifier(odd),
                        soon());
  ASSERT_TRUE(rows) << rows.error().to_string();
  EXPECT_EQ(rows->text(0, 0), odd);
}

TEST_F(ConnectionTest, ACopyGivenToQueryIsABugAndClosesTheConnection) {
  Connection connection = open();
  auto rows = connection.query("COPY (SELECT 1) TO STDOUT", {}, soon());
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::kInternal);
  EXPECT_FALSE(connection.usable());
}

TEST_F(ConnectionTest, StopRequestEndsAWaitAtOnce) {
  Connection connection = open();
  std::stop_source source;
  connection.stop_with(source.get_token());
  const auto before = BootClock::now();
  std::jthread stopper([&] {
    auto other = open();
    // The sleep is running once the server shows it.
    while (other.query("SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'", {}, soon())
               ->count() == 0) {
    }
    source.request_stop();
  });
  auto rows = connection.query("SELECT pg_sleep(60)", {}, deadline_in(60s));
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::kCancelled);
  EXPECT_FALSE(connection.usable());
  EXPECT_LT(BootClock::now() - before, 10s);
}

TEST_F(ConnectionTest, TheEncodingOfTheDatabaseMustBeUtf8) {
  server->admin_psql("SELECT 1");
  std::string root = server->superuser_url();
  root.replace(root.find("/sync?"), 6, "/postgres?");
  Connection admin = open(root);
  ASSERT_TRUE(admin.simple("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0",
                           deadline_in(60s)));
  std::string latin = server->admin_url();
  latin.replace(latin.rfind("/sync"), 5, "/latin");
  auto connection = Connection::open({latin, "t"}, soon());
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(connection.error().message.find("LATIN1"), std::string::npos);
}

TEST_F(ConnectionTest, TransactionRollsBackUnlessCommitted) {
  Connection connection = open();
  ASSERT_TRUE(connection.simple("CREATE TABLE public.rolled (id int)", soon()));
  {
    auto transaction = Transaction::begin(connection, {}, soon());
    ASSERT_TRUE(transaction) << transaction.error().to_string();
    ASSERT_TRUE(connection.query("INSERT INTO public.rolled VALUES (1)", {}, soon()));
  }
  EXPECT_EQ(connection.query("SELECT count(*) FROM public.rolled", {}, soon())->int64(0, 0), 0);
  auto transaction = Transaction::begin(connection, {}, soon());
  ASSERT_TRUE(transaction);
  ASSERT_TRUE(connection.query("INSERT INTO public.rolled VALUES (2)", {}, soon()));
  ASSERT_TRUE(transaction->commit(soon()));
  EXPECT_EQ(connection.query("SELECT count(*) FROM public.rolled", {}, soon())->int64(0, 0), 1);
}

TEST_F(ConnectionTest, PrologueOverridesAPoisonedSession) {
  Connection connection = open();
  ASSERT_TRUE(connection.simple(
      "SET search_path = public; SET default_transaction_read_only = on; SET bytea_output = escape;"
      "SET default_transaction_isolation = serializable; SET synchronous_commit = off;"
      "SET timezone = 'Asia/Tokyo'; SET datestyle = 'SQL, DMY'; SET statement_timeout = 100",
      soon()));
  auto transaction =
      Transaction::begin(connection, {.statement_timeout = 1234ms, .lock_timeout = 5ms}, soon());
  ASSERT_TRUE(transaction) << transaction.error().to_string();
  auto rows = connection.query(
      "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), "
      "current_setting('search_path'), "
      "current_setting('transaction_read_only'), current_setting('transaction_isolation'), "
      "current_setting('synchronous_commit'), '\\x00'::bytea, '2020-01-02 03:04:05+00'::timestamptz",
      {}, soon());
  ASSERT_TRUE(rows) << rows.error().to_string();
  const std::vector<std::string_view> wanted{
      "1234ms", "5ms",   "pg_catalog, pg_temp",   "off", "read committed",
      "on",     "\\x00", "2020-01-02 03:04:05+00"};
  for (int i = 0; i < rows->columns(); ++i) EXPECT_EQ(rows->text(0, i), wanted[static_cast<size_t>(i)]);
}

TEST_F(ConnectionTest, CommitOfAFailedTransactionIsAborted) {
  Connection connection = open();
  auto transaction = Transaction::begin(connection, {}, soon());
  ASSERT_TRUE(transaction);
  ASSERT_FALSE(connection.query("SELECT 1/0", {}, soon()));
  Status committed = transaction->commit(soon());
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, ErrorCode::kAborted);
  EXPECT_TRUE(connection.usable());
}

TEST_F(ConnectionTest, ADeferredConstraintRefusesTheCommitForCertain) {
  Connection connection = open();
  ASSERT_TRUE(connection.simple("CREATE TABLE public.deferred (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)",
                                soon()));
  auto transaction = Transaction::begin(connection, {}, soon());
  ASSERT_TRUE(connection.query("INSERT INTO public.deferred VALUES (1), (1)", {}, soon()));
  Status committed = transaction->commit(soon());
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(connection.last_sqlstate(), "23505");
}

TEST_F(ConnectionTest, ATransactionInsideAnotherIsABug) {
  Connection connection = open();
  auto outer = Transaction::begin(connection, {}, soon());
  auto inner = Transaction::begin(connection, {}, soon());
  ASSERT_FALSE(inner);
  EXPECT_EQ(inner.error().code, ErrorCode::kInternal);
}

}  // namespace
}  // namespace syncnode::postgres
