// Capture beside a load that reads one part of a table after the other, each in a snapshot of its own: what a
// part needs is known of it, what changed in it since is found, and a snapshot that broke is as none.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string_view>

#include "capture/log_trail.h"
#include "capture/map_store.h"
#include "covers.h"
#include "memory/memory.h"
#include "sqlite/page_image.h"
#include "sqlite/scratch.h"
#include "writer.h"

namespace syncnode::capture {
namespace {

constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
constexpr size_t kPart = size_t{256} << 10;
// However slow the host is.
const sqlite::SnapshotOptions kInPlace{.hold = std::chrono::minutes(10),
                                       .courtesy = std::chrono::milliseconds(0),
                                       .image_bytes = 0,
                                       .live_image_bytes = 0};

class LoadPartsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(writer_.open(0, scratch_.path()), "");
    execute("PRAGMA journal_mode = WAL; CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB);");
    execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) "
        "INSERT INTO t SELECT i, randomblob(300 + i % 7 * 3000) FROM n;");
    ASSERT_TRUE(memory_->begin("run"));
    open();
    ASSERT_TRUE(capture_.find(*snapshot_, schema_, nullptr));
    ASSERT_TRUE(capture_.lay_out(*snapshot_));
  }

  void execute(const std::string& sql) { ASSERT_EQ(writer_.execute(0, sql), "") << sql; }
  void change(int64_t row) {
    execute("UPDATE t SET b = randomblob(length(b)) WHERE a = " + std::to_string(row));
  }
  void open() {
    snapshot_.reset();
    snapshot_ = sqlite::Snapshot::open(scratch_.path(), kInPlace).value();
    schema_ = snapshot_->read_schema().value();
  }
  void go_on() {
    open();
    if (trail_) trail_->look();
    ASSERT_TRUE(capture_.go_on(*snapshot_, schema_, trail_ ? &*trail_ : nullptr));
  }
  Capture::Part part(std::optional<int64_t> after) {
    auto part = capture_.part_of(*snapshot_, "t", after, kPart);
    EXPECT_TRUE(part && *part);
    return part && *part ? std::move(**part) : Capture::Part{};
  }
  // The map as it is kept.
  std::optional<StoredMap> kept() {
    EXPECT_TRUE(capture_.refresh(*snapshot_, {}));
    EXPECT_TRUE(memory_->confirm([this] { return capture_.save("run"); }));
    return MapStore(*memory_, nullptr, "").load().value();
  }

  sqlite::Scratch scratch_;
  sqlite::Scratch own_;
  Writer writer_;
  std::unique_ptr<memory::Memory> memory_ = memory::Memory::open(own_.path("."), "deployment").value();
  std::unique_ptr<sqlite::Snapshot> snapshot_;
  SourceSchema schema_;
  Capture capture_{*memory_};
  std::optional<LogTrail> trail_;
};

TEST_F(LoadPartsTest, AreReadFromWhatWasCopiedAlone) {
  std::optional<int64_t> after;
  int64_t rows = 0, parts = 0;
  for (; after != kEnd; ++parts) {
    const auto piece = part(after);
    ASSERT_TRUE(snapshot_->keep_pages(piece.pages));
    const std::string above = after ? std::to_string(*after + 1) : "0";
    auto read = snapshot_->prepare("SELECT a, b FROM t WHERE a BETWEEN " + above + " AND " +
                                   std::to_string(piece.last) + " ORDER BY a");
    ASSERT_TRUE(read);
    while (true) {
      const auto more = read->step();
      ASSERT_TRUE(more) << more.error().to_string();
      if (!*more) break;
      EXPECT_EQ(read->column_int64(0), ++rows);
    }
    after = piece.last;
    change(rows + 1);  // where the next part begins
    *read = sqlite::Statement();
    go_on();
  }
  EXPECT_EQ(rows, 400);
  EXPECT_GE(parts, 5);
}

TEST_F(LoadPartsTest, FindWhatChangedInThem) {
  const auto first = part(std::nullopt);
  ASSERT_LT(first.last, 200);
  change(10);
  go_on();
  EXPECT_TRUE(covers(capture_, 10));
  EXPECT_FALSE(covers(capture_, first.last - 10));
  // A row that goes on in other pages is found by these alone, as soon as it was in a part.
  const auto second = part(first.last);
  execute(
      "UPDATE t SET b = substr(b, 1, 14000) || x'00' || substr(b, 14002) WHERE a = 41 AND length(b) > 15000");
  change(second.last - 1);
  go_on();
  EXPECT_TRUE(covers(capture_, 41));
  EXPECT_TRUE(covers(capture_, second.last - 1));
}

TEST_F(LoadPartsTest, MakeTheMapThatIsMadeAtOnce) {
  auto after = part(std::nullopt).last;
  change(20);
  execute("DELETE FROM t WHERE a = 30");
  go_on();
  after = part(after).last;
  change(350);
  go_on();
  const auto in_parts = kept();
  ASSERT_TRUE(in_parts);
  Capture at_once(*memory_);
  ASSERT_TRUE(memory_->begin("run"));
  open();
  ASSERT_TRUE(at_once.find(*snapshot_, schema_, nullptr));
  ASSERT_TRUE(at_once.refresh(*snapshot_, {}));
  ASSERT_TRUE(memory_->confirm([&] { return at_once.save("run"); }));
  const auto whole = MapStore(*memory_, nullptr, "").load().value();
  ASSERT_TRUE(whole);
  EXPECT_EQ(in_parts->map.owner, whole->map.owner);
  ASSERT_EQ(in_parts->map.trees.size(), 1U);
  EXPECT_EQ(in_parts->map.trees[0].leaves, whole->map.trees[0].leaves);
  EXPECT_EQ(in_parts->map.trees[0].marks, whole->map.trees[0].marks);
}

TEST_F(LoadPartsTest, GoOnFromTheSnapshotBeforeOneThatBroke) {
  ASSERT_GT(part(std::nullopt).last, 24);
  change(10);
  go_on();
  ASSERT_TRUE(covers(capture_, 10));
  capture_.go_back();
  change(17);
  go_on();
  EXPECT_TRUE(covers(capture_, 10)) << "what was found in a snapshot that broke was used by nobody";
  EXPECT_TRUE(covers(capture_, 17));
  change(24);
  go_on();
  EXPECT_TRUE(covers(capture_, 24));
  EXPECT_FALSE(covers(capture_, 10));
}

TEST_F(LoadPartsTest, KeepWhatWasLearnedWhereTheNextSnapshotNeverOpened) {
  const auto first = part(std::nullopt);
  go_on();
  const auto second = part(first.last);
  capture_.leave();
  capture_.go_back();
  change(second.last - 1);
  capture_.go_back();
  change(second.last - 2);
  go_on();
  EXPECT_TRUE(covers(capture_, second.last - 1)) << "its part was read, and is of nobody";
  EXPECT_TRUE(covers(capture_, second.last - 2));
}

// The same where checksums tell, which the snapshot that broke had already read anew.
TEST_F(LoadPartsTest, GoBackToTheChecksumsOfThatSnapshot) {
  ASSERT_GT(part(std::nullopt).last, 20);
  const auto lose_the_log = [this](int64_t row) {
    for (int i = 0; i < 2; ++i) {
      change(row);
      execute("PRAGMA wal_checkpoint(RESTART)");
    }
    change(400);  // begins the log; what was changed before is in the main file, and has a checksum
  };
  snapshot_.reset();
  lose_the_log(10);
  go_on();
  ASSERT_EQ(capture_.evidence(), Evidence::kChecksums);
  capture_.go_back();
  snapshot_.reset();
  lose_the_log(20);
  go_on();
  ASSERT_EQ(capture_.evidence(), Evidence::kChecksums);
  EXPECT_TRUE(covers(capture_, 10));
  EXPECT_TRUE(covers(capture_, 20));
}

// The rows of the file as they are now, in the order of their keys.
std::vector<std::string> rows_of(sqlite::Snapshot& snapshot) {
  std::vector<std::string> rows;
  auto read = snapshot.prepare("SELECT a || ':' || hex(b) FROM t ORDER BY a");
  EXPECT_TRUE(read);
  while (read) {
    const auto more = read->step();
    EXPECT_TRUE(more) << more.error().to_string();
    if (!more || !*more) break;
    rows.emplace_back(read->column_bytes(0));
  }
  return rows;
}

// What is too much for one snapshot is copied in many, beside a writer who changes it all the time.
class CopiedRestTest : public LoadPartsTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    LoadPartsTest::SetUp();
    snapshot_.reset();
    execute(std::string("PRAGMA journal_mode = ") + GetParam());
    if (GetParam() == std::string_view("WAL")) trail_.emplace(scratch_.path());
    go_on();
    ASSERT_TRUE(capture_.refresh(*snapshot_, {}));
  }
  std::vector<bool> all_pages() {
    return capture_.pages_of({{"t", nullptr}}, {}, std::numeric_limits<size_t>::max()).value();
  }
  // Of what does not stand every third page is copied.
  void turn(bool was_true) {
    auto some = all_pages();
    for (size_t page = 1; page < some.size(); ++page)
      some[page] = some[page] && !rest_->stands(page) && random_() % 3 == 0;
    ASSERT_TRUE(snapshot_->keep_pages(some, rest_));
    if (!was_true) spoil(some);
    rest_->settle(was_true);
    was_true ? capture_.leave() : capture_.go_back();
    snapshot_.reset();
    for (int i = 0; i < 4; ++i) write();
    go_on();
    rest_->written(capture_.written());
  }
  // A snapshot that broke while they were copied.
  void spoil(const std::vector<bool>& pages) {
    const std::string nonsense(4096, 'x');
    for (size_t page = 1; page < pages.size(); ++page) {
      const auto offset = static_cast<off_t>((page - 1) * nonsense.size());
      if (!pages[page]) continue;
      ASSERT_EQ(::pwrite(rest_->main(), nonsense.data(), nonsense.size(), offset), ssize_t{4096});
    }
  }
  void write() {
    const auto row = static_cast<int64_t>(1 + random_() % 400);
    if (random_() % 8 == 0) execute("DELETE FROM t WHERE a = " + std::to_string(row));
    if (random_() % 8 == 0)
      execute("INSERT OR REPLACE INTO t VALUES(" + std::to_string(row) + ", randomblob(9000))");
    if (random_() % 16 == 0) execute("PRAGMA wal_checkpoint(RESTART)");
    change(row);
    if (trail_) trail_->look();
  }

  std::shared_ptr<sqlite::PageImage> rest_ = std::make_shared<sqlite::PageImage>();
  std::minstd_rand random_{7};
};

TEST_P(CopiedRestTest, IsThatOfTheLastSnapshot) {
  size_t stood = 0;
  for (int round = 0; round < 24; ++round) {
    for (int i = 0; i < 4; ++i) turn(i != 1);
    const auto needed = all_pages();
    for (size_t page = 1; page < needed.size(); ++page) stood += needed[page] && rest_->stands(page) ? 1 : 0;
    const auto now = rows_of(*sqlite::Snapshot::open(scratch_.path()).value());
    ASSERT_TRUE(snapshot_->keep_pages(needed, rest_));
    execute("UPDATE t SET b = randomblob(length(b)); PRAGMA wal_checkpoint(TRUNCATE)");
    ASSERT_EQ(rows_of(*snapshot_), now) << "in round " << round;
    rest_->settle(true);
    capture_.leave();
    go_on();
    rest_->written(capture_.written());
  }
  EXPECT_GT(stood, 24U * 40U) << "hardly anything was not copied twice";
}

INSTANTIATE_TEST_SUITE_P(Modes, CopiedRestTest, ::testing::Values("WAL", "DELETE"));

}  // namespace
}  // namespace syncnode::capture
