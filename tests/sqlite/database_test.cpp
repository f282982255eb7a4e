#include "sqlite/database.h"

#include <limits>

#include "scratch.h"

namespace syncnode::sqlite {
namespace {

TEST(Database, KeepsEveryValueAsItWasBound) {
  Scratch scratch;
  auto database = Database::open_own("", Database::Mode::kReadWriteCreate, 0);
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->execute("CREATE TABLE t(v)"));
  const std::string with_nul("a\0b", 3);
  const std::vector<ValueView> values = {
      ValueView::null(),
      ValueView::of_integer(std::numeric_limits<int64_t>::min()),
      ValueView::of_real(-0.0),
      ValueView::of_real(std::numeric_limits<double>::infinity()),
      ValueView::of_text(""),
      ValueView::of_text(with_nul),
      ValueView::of_text("\xff\xfe"),
      ValueView::of_blob(""),
      ValueView::of_blob(with_nul),
  };
  auto insert = database->prepare("INSERT INTO t VALUES(?1)");
  ASSERT_TRUE(insert);
  for (const ValueView& value : values) {
    insert->bind_value(1, value);
    ASSERT_TRUE(insert->run());
  }
  auto select = database->prepare("SELECT v FROM t ORDER BY rowid");
  ASSERT_TRUE(select);
  for (const ValueView& value : values) {
    ASSERT_TRUE(*select->step());
    EXPECT_TRUE(same_value(select->column(0), value)) << to_string(value.storage_class);
  }
  EXPECT_FALSE(*select->step());
}

TEST(Database, ResetForgetsBindings) {
  auto database = Database::open_own("", Database::Mode::kReadWriteCreate, 0);
  auto statement = database->prepare("SELECT ?1");
  statement->bind(1, 7);
  ASSERT_TRUE(*statement->step());
  EXPECT_EQ(statement->column_int64(0), 7);
  statement->reset();
  ASSERT_TRUE(*statement->step());
  EXPECT_TRUE(statement->column(0).is_null());
}

TEST(Database, SaysWhatToDoAboutAFailure) {
  Scratch scratch;
  EXPECT_EQ(Database::open_own(scratch.path("none"), Database::Mode::kReadOnly, 0).error().code,
            ErrorCode::kFailedPrecondition);
  scratch.write(std::string(4096, 'x'), "noise");
  auto noise = Database::open_own(scratch.path("noise"), Database::Mode::kReadOnly, 0);
  const Error error = noise ? noise->prepare("SELECT * FROM sqlite_schema").error() : noise.error();
  EXPECT_EQ(error.code, ErrorCode::kCorruption);

  scratch.make("CREATE TABLE t(a)");
  auto writer = Database::open_own(scratch.path(), Database::Mode::kReadWriteCreate, 0);
  ASSERT_TRUE(writer->execute("BEGIN IMMEDIATE"));
  auto other = Database::open_own(scratch.path(), Database::Mode::kReadWriteCreate, 10);
  EXPECT_EQ(other->execute("INSERT INTO t VALUES(1)").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(other->prepare("").error().code, ErrorCode::kInvalidArgument);
}

TEST(Database, StatementsMayOutliveTheirDatabase) {
  Result<Statement> statement = [] {
    auto database = Database::open_own("", Database::Mode::kReadWriteCreate, 0);
    return database->prepare("SELECT 1");
  }();
  ASSERT_TRUE(statement);
  EXPECT_TRUE(*statement->step());
}

}  // namespace
}  // namespace syncnode::sqlite
