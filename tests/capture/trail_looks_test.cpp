// TrailLooks: a trail that nobody else looks at knows what an application wrote, in rollback mode too, while
// a run asks it from its own thread.
#include "capture/trail_looks.h"

#include <gtest/gtest.h>

#include <optional>

#include "capture/source_trail.h"
#include "seen.h"
#include "sqlite/scratch.h"
#include "writer.h"

namespace syncnode::capture {
namespace {

class TrailLooksTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    ASSERT_EQ(writer_.open(0, scratch_.path()), "");
    run(std::string("PRAGMA journal_mode = ") + GetParam() +
        "; CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)");
    run("INSERT INTO t VALUES (1, 'one')");
    trail_.follow_journals();
  }
  void run(const std::string& sql) { ASSERT_EQ(writer_.execute(0, sql), "") << sql; }

  // What the trail says of one transaction; a journal may be gone before any thread was awake.
  std::optional<std::vector<uint32_t>> told() {
    const Seen before = see_all(scratch_.path(), {});
    trail_.met(before.position);
    run("BEGIN; UPDATE t SET b = hex(randomblob(10))");
    run("COMMIT");
    const Seen after = see_all(scratch_.path(), {});
    trail_.met(after.position);
    const auto pages = trail_.between(before.position, after.position);
    trail_.forget(after.position);
    return pages;
  }

  sqlite::Scratch scratch_;
  Writer writer_;
  SourceTrail trail_{scratch_.path()};
};

TEST_P(TrailLooksTest, KnowWhatWasWritten) {
  const TrailLooks looks(trail_);
  std::optional<std::vector<uint32_t>> pages;
  for (int attempts = 0; attempts < 200 && !pages; ++attempts) pages = told();
  ASSERT_TRUE(pages) << "no transaction of 200 was seen";
  EXPECT_FALSE(pages->empty());
}

INSTANTIATE_TEST_SUITE_P(BothModes, TrailLooksTest, ::testing::Values("WAL", "DELETE"));

}  // namespace
}  // namespace syncnode::capture
