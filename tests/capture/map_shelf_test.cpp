// MapShelf: what a run leaves for the next one of its process, and what of that is used.
#include "capture/map_shelf.h"

#include <gtest/gtest.h>

#include "covers.h"
#include "memory/memory.h"
#include "sqlite/scratch.h"
#include "writer.h"

namespace syncnode::capture {
namespace {

KeptMap map_of(uint32_t pages) {
  KeptMap map;
  map.stored.map.page_count = pages;
  map.stored.map.owner.resize(pages);
  return map;
}

TEST(MapShelf, HoldsTheLastOnesThatFit) {
  MapShelf shelf(10'000);
  shelf.put("a", map_of(1000));
  shelf.put("b", map_of(1000));
  shelf.put("a", map_of(1001));
  shelf.put("c", map_of(1000));
  EXPECT_FALSE(shelf.take("b")) << "it was put before the others";
  const auto again = shelf.take("a");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->stored.map.page_count, 1001U);
  EXPECT_FALSE(shelf.take("a")) << "it was taken";
  shelf.put("d", map_of(1'000'000));
  EXPECT_FALSE(shelf.take("d")) << "it is larger than the shelf";
  EXPECT_TRUE(shelf.take("c"));
  shelf.put("e", map_of(10));
  shelf.clear();
  EXPECT_FALSE(shelf.take("e"));
}

class ShelvedMapTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(writer_.open(0, scratch_.path()), "");
    execute("PRAGMA journal_mode = WAL; CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);");
    execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
        "INSERT INTO t SELECT i, hex(randomblob(40)) FROM n; PRAGMA wal_autocheckpoint = 0;");
    auto memory = memory::Memory::open(own_.path("."), "deployment");
    ASSERT_TRUE(memory);
    memory_ = std::move(*memory);
  }

  void execute(const std::string& sql) { ASSERT_EQ(writer_.execute(0, sql), "") << sql; }
  void change(int64_t row) {
    execute("UPDATE t SET b = hex(randomblob(40)) WHERE a = " + std::to_string(row));
  }
  // One run; `what` looks at it when it has found what changed.
  template <typename What>
  void run(MapShelf* shelf, What what) {
    const std::string sync_id = "run " + std::to_string(++runs_);
    ASSERT_TRUE(memory_->begin(sync_id));
    Capture capture(*memory_, shelf, "client");
    ASSERT_TRUE(capture.open());
    auto snapshot = sqlite::Snapshot::open(scratch_.path(), {.live_image_bytes = 0});
    ASSERT_TRUE(snapshot);
    const auto schema = (*snapshot)->read_schema();
    ASSERT_TRUE(schema);
    ASSERT_TRUE(capture.find(**snapshot, *schema, nullptr));
    what(capture);
    ASSERT_TRUE(capture.refresh(**snapshot, {}));
    ASSERT_TRUE(memory_->confirm([&] { return capture.save(sync_id); }));
    capture.keep();
  }

  sqlite::Scratch scratch_;
  sqlite::Scratch own_;
  Writer writer_;
  std::unique_ptr<memory::Memory> memory_;
  MapShelf shelf_;
  int runs_ = 0;
};

TEST_F(ShelvedMapTest, IsReadFromTheFileOnce) {
  run(&shelf_, [](const Capture&) {});
  ASSERT_TRUE(memory_->database().execute("DELETE FROM page_chunk WHERE kind <> 4"));  // all but its head
  change(100);
  run(&shelf_, [](const Capture& capture) {
    EXPECT_EQ(capture.evidence(), Evidence::kLog);
    EXPECT_TRUE(covers(capture, 100));
    EXPECT_FALSE(covers(capture, 2000));
  });
}

TEST_F(ShelvedMapTest, IsOfNoUseOnceAnotherProcessHasRun) {
  run(&shelf_, [](const Capture&) {});
  change(100);
  run(nullptr, [](const Capture&) {});
  change(2000);
  run(&shelf_, [](const Capture& capture) {
    EXPECT_TRUE(covers(capture, 2000));
    EXPECT_FALSE(covers(capture, 100)) << "an old map was taken";
  });
  // What was written last is whole without the shelf, too.
  change(1000);
  run(nullptr, [](const Capture& capture) {
    EXPECT_TRUE(covers(capture, 1000));
    EXPECT_FALSE(covers(capture, 2000));
  });
}

TEST_F(ShelvedMapTest, OnlyWhatChangedOfItIsWritten) {
  run(&shelf_, [](const Capture&) {});
  for (int64_t row = 50; row < 2900; row += 150) {
    change(row);
    run(&shelf_, [&](const Capture& capture) {
      EXPECT_TRUE(covers(capture, row));
      EXPECT_FALSE(covers(capture, (row + 1500) % 3000));
    });
  }
  change(77);
  run(nullptr, [](const Capture& capture) {
    EXPECT_EQ(capture.evidence(), Evidence::kLog);
    EXPECT_TRUE(covers(capture, 77));
    EXPECT_FALSE(covers(capture, 2000));
  });
}

}  // namespace
}  // namespace syncnode::capture
