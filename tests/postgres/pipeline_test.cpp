// Pipeline, and the one message that commits: directly and through PgBouncer in both modes.
#include "postgres/pipeline.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "postgres/private_pooler.h"
#include "postgres/script.h"
#include "postgres/tcp_proxy.h"
#include "support/private_postgres.h"

namespace syncnode::postgres {
namespace {

using namespace std::chrono_literals;

constexpr auto kWait = 20s;

class PipelineTest : public ::testing::TestWithParam<const char*> {
 protected:
  PipelineTest() {
    if (GetParam() != std::string("direct"))
      pooler_ = std::make_unique<test::PrivatePooler>(GetParam(), std::vector{server_.admin_url()});
    server_.admin_psql(
        "DROP TABLE IF EXISTS public.piped; CREATE TABLE public.piped (id int PRIMARY KEY, body bytea)");
  }
  static Deadline soon() { return deadline_in(kWait); }
  Connection open() {
    auto opened = Connection::open(
        {pooler_ ? pooler_->url(server_.admin_url()) : server_.admin_url(), "pipeline_test"}, soon());
    if (!opened) throw std::runtime_error(opened.error().to_string());
    return std::move(*opened);
  }
  std::string rows() { return server_.admin_psql("SELECT count(*) FROM public.piped"); }
  static Status insert(Pipeline& pipeline, int id, std::string_view body = {}) {
    const std::string number = std::to_string(id);
    return pipeline.add("INSERT INTO public.piped VALUES ($1::int, $2)",
                        {Param::text(number), Param::binary_of(17, body)}, kWait);
  }

  test::PrivatePostgres& server_ = test::PrivatePostgres::shared();
  std::unique_ptr<test::PrivatePooler> pooler_;
};

INSTANTIATE_TEST_SUITE_P(Way, PipelineTest, ::testing::Values("direct", "session", "transaction"),
                         [](const auto& way) { return std::string(way.param); });

TEST_P(PipelineTest, AnswersComeInTheirOrderAndTheTransactionStaysOpen) {
  Connection connection = open();
  Pipeline pipeline(connection);
  auto transaction = Transaction::begin(pipeline, {}, kWait);
  ASSERT_TRUE(transaction) << transaction.error().to_string();
  const size_t first = pipeline.count();
  ASSERT_TRUE(insert(pipeline, 1));
  ASSERT_TRUE(pipeline.add("SELECT count(*), current_setting('search_path') FROM public.piped", {}, kWait));
  auto answers = pipeline.finish();
  ASSERT_TRUE(answers) << answers.error().to_string();
  ASSERT_EQ(answers->size(), first + 2);
  EXPECT_EQ((*answers)[first].affected(), 1);
  EXPECT_EQ((*answers)[first + 1].int64(0, 0), 1) << "a later statement sees what an earlier one wrote";
  EXPECT_EQ((*answers)[first + 1].text(0, 1), "pg_catalog, pg_temp");
  EXPECT_EQ(rows(), "0") << "nothing is committed yet";
  Script last, after;
  last.add("SELECT $1", {Param::text("last")});
  after.add("INSERT INTO public.piped VALUES (2, '')", {});
  std::optional<Error> failure;
  ASSERT_TRUE(transaction->commit(last, after, soon(), &failure));
  EXPECT_FALSE(failure);
  EXPECT_EQ(rows(), "2");
}

TEST_P(PipelineTest, TheFirstFailureSkipsTheRestAndIsTold) {
  Connection connection = open();
  {
    Pipeline pipeline(connection);
    auto transaction = Transaction::begin(pipeline, {}, kWait);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(insert(pipeline, 1));
    const size_t bad = pipeline.count();
    ASSERT_TRUE(pipeline.add("SELECT 1 / 0", {}, kWait));
    ASSERT_TRUE(insert(pipeline, 2));
    auto answers = pipeline.finish();
    ASSERT_FALSE(answers);
    EXPECT_EQ(pipeline.failed_at(), bad);
    EXPECT_EQ(connection.last_sqlstate(), "22012");
  }
  EXPECT_EQ(rows(), "0");
  auto next = connection.query("SELECT 7", {}, soon());
  ASSERT_TRUE(next) << next.error().to_string();
  EXPECT_EQ(next->int64(0, 0), 7);
}

TEST_P(PipelineTest, OneThatIsGivenUpLeavesTheConnectionUsable) {
  Connection connection = open();
  {
    Pipeline pipeline(connection);
    auto transaction = Transaction::begin(pipeline, {}, kWait);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(insert(pipeline, 1));
    EXPECT_EQ(connection.query("SELECT 1", {}, soon()).error().code, ErrorCode::kInternal);
  }
  EXPECT_TRUE(connection.usable());
  EXPECT_TRUE(connection.query("SELECT 1", {}, soon()));
  EXPECT_EQ(rows(), "0");
}

// More than sockets and windows hold, with answers that are large, too: neither side waits for the other.
TEST_P(PipelineTest, ManyAndLargeOnesStream) {
  Connection connection = open();
  Pipeline pipeline(connection);
  auto transaction = Transaction::begin(pipeline, {}, kWait);
  ASSERT_TRUE(transaction);
  const std::string large(size_t{1} << 20, 'x');
  for (int id = 0; id < 12; ++id) {
    ASSERT_TRUE(insert(pipeline, id, large));
    ASSERT_TRUE(pipeline.add("SELECT repeat('y', 1000000)", {}, kWait));
  }
  for (int id = 100; id < 1400; ++id) ASSERT_TRUE(insert(pipeline, id));
  auto answers = pipeline.finish();
  ASSERT_TRUE(answers) << answers.error().to_string();
  EXPECT_EQ(answers->size(), 2U + 24U + 1300U);
  ASSERT_TRUE(transaction->commit(soon()));
  EXPECT_EQ(rows(), "1312");
}

TEST_P(PipelineTest, AFailureInALongOneEndsItEarly) {
  Connection connection = open();
  Pipeline pipeline(connection);
  auto transaction = Transaction::begin(pipeline, {}, kWait);
  ASSERT_TRUE(transaction);
  const std::string large(size_t{1} << 20, 'x');
  ASSERT_TRUE(pipeline.add("SELECT 1 / 0", {}, kWait));
  Status added;
  for (int id = 0; id < 8 && added; ++id) added = insert(pipeline, id, large);
  EXPECT_FALSE(added) << "what follows a failure is not sent";
  EXPECT_FALSE(pipeline.finish());
  EXPECT_EQ(connection.last_sqlstate(), "22012");
}

TEST_P(PipelineTest, WhatFailsAsTheLastIsNotCommittedAndWhatFailsBehindIs) {
  Connection connection = open();
  for (const bool behind : {false, true}) {
    Pipeline pipeline(connection);
    auto transaction = Transaction::begin(pipeline, {}, kWait);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(insert(pipeline, 1));
    ASSERT_TRUE(pipeline.finish());
    Script good, bad;
    good.add("SELECT 1", {});
    bad.add("SELECT 1 / 0", {});
    std::optional<Error> failure;
    const Status done = behind ? transaction->commit(good, bad, soon(), &failure)
                               : transaction->commit(bad, good, soon(), &failure);
    EXPECT_EQ(done.has_value(), behind);
    EXPECT_EQ(failure.has_value(), behind);
    EXPECT_EQ(connection.last_sqlstate(), "22012");
    EXPECT_TRUE(connection.usable());
    EXPECT_EQ(rows(), behind ? "1" : "0");
  }
}

// Were it to begin: a BEGIN that failed must not leave statements that commit by themselves.
TEST_P(PipelineTest, GuardedStatementsNeedATransaction) {
  Connection connection = open();
  Pipeline pipeline(connection);
  ASSERT_TRUE(pipeline.guard());
  ASSERT_TRUE(insert(pipeline, 1));
  ASSERT_TRUE(insert(pipeline, 2));
  auto answers = pipeline.finish();
  ASSERT_FALSE(answers);
  EXPECT_EQ(connection.last_sqlstate(), "22012");
  EXPECT_EQ(rows(), "0");
  EXPECT_TRUE(connection.query("SELECT 1", {}, soon()));
}

// What a server has of a pipeline that nobody goes on with lets its locks go by the transaction's own
// timeout.
TEST(Pipeline, HalfOfOneIsEndedByTheServer) {
  test::PrivatePostgres& server = test::PrivatePostgres::shared();
  auto connection = Connection::open({server.admin_url(), "t"}, deadline_in(kWait));
  ASSERT_TRUE(connection);
  Pipeline pipeline(*connection);
  TransactionOptions options;
  options.idle_timeout = 200ms;
  auto transaction = Transaction::begin(pipeline, options, kWait);
  ASSERT_TRUE(transaction);
  ASSERT_TRUE(pipeline.add("SELECT pg_advisory_xact_lock(4711)", {}, kWait));
  // So much is more than libpq keeps: it is on its way, and no finish() follows.
  ASSERT_TRUE(pipeline.add("SELECT length($1)", {Param::text(std::string(size_t{1} << 20, 'x'))}, kWait));
  auto other = Connection::open({server.admin_url(), "t"}, deadline_in(kWait));
  ASSERT_TRUE(other);
  auto freed = other->query("SELECT pg_advisory_lock(4711)", {}, deadline_in(kWait));
  EXPECT_TRUE(freed) << freed.error().to_string();
}

TEST(Pipeline, ALostAnswerToTheCommitIsAnUnknownOutcome) {
  test::PrivatePostgres& server = test::PrivatePostgres::shared();
  test::TcpProxy proxy(test::port_of(server.admin_url()));
  auto connection =
      Connection::open({test::with_port(server.admin_url(), proxy.port()), "t"}, deadline_in(kWait));
  ASSERT_TRUE(connection);
  Pipeline pipeline(*connection);
  auto transaction = Transaction::begin(pipeline, {}, kWait);
  ASSERT_TRUE(transaction);
  ASSERT_TRUE(pipeline.finish());
  proxy.lose_answer_to("the last of all");
  Script last;
  last.add("SELECT $1", {Param::text("the last of all")});
  const Status done = transaction->commit(last, {}, deadline_in(500ms));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kOutcomeUnknown) << done.error().to_string();
}

// A client whose network is cut in the middle of a message is noticed.
TEST(Pipeline, ItsTransactionAsksForKeepalives) {
  test::PrivatePostgres& server = test::PrivatePostgres::shared();
  auto connection = Connection::open({server.admin_url(), "t"}, deadline_in(kWait));
  ASSERT_TRUE(connection);
  Pipeline pipeline(*connection);
  auto transaction = Transaction::begin(pipeline, {}, kWait);
  ASSERT_TRUE(transaction);
  ASSERT_TRUE(pipeline.add(
      "SELECT current_setting('tcp_keepalives_idle'), current_setting('tcp_keepalives_interval'), "
      "current_setting('tcp_keepalives_count')",
      {}, kWait));
  auto answers = pipeline.finish();
  ASSERT_TRUE(answers);
  const Rows& kept = answers->back();
  EXPECT_EQ(kept.text(0, 0), "5");
  EXPECT_EQ(kept.text(0, 1), "2");
  EXPECT_EQ(kept.text(0, 2), "3");
}

}  // namespace
}  // namespace syncnode::postgres
