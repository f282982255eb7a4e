// COPY in both directions: amounts, memory, and errors in the middle.
#include <gtest/gtest.h>
#include <malloc.h>

#include <string>

#include "postgres/connection.h"
#include "support/private_postgres.h"

namespace syncnode::postgres {
namespace {

using namespace std::chrono_literals;

class CopyTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { server = new test::PrivatePostgres; }
  static void TearDownTestSuite() {
    delete server;
    server = nullptr;
  }
  void SetUp() override {
    auto opened = Connection::open({server->admin_url(), "copy_test"}, deadline_in(10s));
    ASSERT_TRUE(opened) << opened.error().to_string();
    connection_.emplace(std::move(*opened));
    ASSERT_TRUE(connection_->simple(
        "DROP TABLE IF EXISTS public.t; CREATE TABLE public.t (id int8, body text)", later()));
  }
  static Deadline later() { return deadline_in(120s); }
  int64_t count() { return connection_->query("SELECT count(*) FROM public.t", {}, later())->int64(0, 0); }

  static test::PrivatePostgres* server;
  std::optional<Connection> connection_;
};

test::PrivatePostgres* CopyTest::server = nullptr;

constexpr char kCopyIn[] = "COPY public.t FROM STDIN";

TEST_F(CopyTest, RowsGoInWhateverTheChunkBorders) {
  ASSERT_TRUE(connection_->copy_in_begin(kCopyIn, later()));
  ASSERT_TRUE(connection_->copy_in_write("1\ton", later()));
  ASSERT_TRUE(connection_->copy_in_write("e\n2\ttwo\n3", later()));
  ASSERT_TRUE(connection_->copy_in_write("\t\\N\n", later()));
  auto copied = connection_->copy_in_finish(later());
  ASSERT_TRUE(copied) << copied.error().to_string();
  EXPECT_EQ(*copied, 3);
  EXPECT_EQ(count(), 3);
}

TEST_F(CopyTest, AServerErrorIsSeenWhileStillWriting) {
  ASSERT_TRUE(connection_->copy_in_begin(kCopyIn, later()));
  ASSERT_TRUE(connection_->copy_in_write("not a number\tx\n", later()));
  const std::string chunk(1 << 20, 'x');
  Status written;
  int chunks = 0;
  for (; written && chunks < 2000; ++chunks) written = connection_->copy_in_write(chunk, later());
  ASSERT_FALSE(written);
  EXPECT_LT(chunks, 200) << "the error came only after megabytes";
  EXPECT_EQ(written.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(connection_->last_sqlstate(), "22P02");
  EXPECT_TRUE(connection_->usable());
  EXPECT_EQ(count(), 0);
}

TEST_F(CopyTest, NoticesWhileWritingAreNoError) {
  ASSERT_TRUE(
      connection_->simple("CREATE OR REPLACE FUNCTION public.chatty() RETURNS trigger LANGUAGE plpgsql AS $$ "
                          "BEGIN RAISE NOTICE 'row %', "
                          "NEW.id; RETURN NEW; END $$; CREATE TRIGGER chatty BEFORE INSERT ON public.t FOR "
                          "EACH ROW EXECUTE FUNCTION public.chatty()",
                          later()));
  ASSERT_TRUE(connection_->copy_in_begin(kCopyIn, later()));
  std::string chunk;
  for (int i = 0; i < 100; ++i) chunk += "1\t" + std::string(1000, 'y') + "\n";
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(connection_->copy_in_write(chunk, later()));
  auto copied = connection_->copy_in_finish(later());
  ASSERT_TRUE(copied) << copied.error().to_string();
  EXPECT_EQ(*copied, 5000);
}

TEST_F(CopyTest, AbandonedRowsAreNotThereAndTheConnectionGoesOn) {
  ASSERT_TRUE(connection_->copy_in_begin(kCopyIn, later()));
  ASSERT_TRUE(connection_->copy_in_write("1\tone\n", later()));
  connection_->copy_in_abandon("changed my mind");
  EXPECT_TRUE(connection_->usable());
  EXPECT_EQ(count(), 0);
}

TEST_F(CopyTest, ARefusedCopyLeavesTheConnectionUsable) {
  Status begun = connection_->copy_in_begin("COPY public.nothing FROM STDIN", later());
  ASSERT_FALSE(begun);
  EXPECT_EQ(connection_->last_sqlstate(), "42P01");
  EXPECT_TRUE(connection_->usable());
  Status out = connection_->copy_out(
      "COPY public.nothing TO STDOUT", [](std::string_view) { return Status(); }, later());
  ASSERT_FALSE(out);
  EXPECT_EQ(connection_->last_sqlstate(), "42P01");
  EXPECT_EQ(count(), 0);
}

TEST_F(CopyTest, AnErrorAfterSomeRowsOutIsReported) {
  uint64_t got = 0;
  Status out = connection_->copy_out(
      "COPY (SELECT 1000 / (5000 - i) FROM generate_series(1, 10000) i) TO STDOUT",
      [&](std::string_view chunk) {
        got += chunk.size();
        return Status();
      },
      later());
  ASSERT_FALSE(out);
  EXPECT_EQ(connection_->last_sqlstate(), "22012");
  EXPECT_GT(got, 0U);
  EXPECT_EQ(count(), 0);
}

TEST_F(CopyTest, AReceiverThatFailsEndsTheConnection) {
  Status out = connection_->copy_out(
      "COPY (SELECT i FROM generate_series(1, 1000000) i) TO STDOUT",
      [](std::string_view) -> Status {
        return Error{ErrorCode::kResourceExhausted, "disk full here", ""};
      },
      later());
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, ErrorCode::kResourceExhausted);
  EXPECT_FALSE(connection_->usable());
}

TEST_F(CopyTest, AHundredMegabytesEachWayNeedLittleMemory) {
  // Heap in use, sampled while data flows: libpq's buffers are in it.
  const auto heap = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  const size_t before = heap();
  size_t most = 0;
  ASSERT_TRUE(connection_->copy_in_begin(kCopyIn, later()));
  std::string row = "7\t" + std::string(1022, 'z') + "\n";
  std::string chunk;
  while (chunk.size() < (1U << 20)) chunk += row;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(connection_->copy_in_write(chunk, later()));
    most = std::max(most, heap());
  }
  ASSERT_TRUE(connection_->copy_in_finish(later()));
  EXPECT_LT(most, before + (4U << 20));
  uint64_t got = 0;
  most = 0;
  Status out = connection_->copy_out(
      "COPY public.t TO STDOUT",
      [&](std::string_view piece) {
        if (got % 64 == 0) most = std::max(most, heap());
        got += piece.size();
        return Status();
      },
      later());
  ASSERT_TRUE(out) << out.error().to_string();
  EXPECT_EQ(got, chunk.size() * 100);
  EXPECT_LT(most, before + (4U << 20));
}

}  // namespace
}  // namespace syncnode::postgres
