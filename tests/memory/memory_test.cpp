// The two-step protocol: what a killed, a frozen and a newer run may and may not do to the memory; and every
// file that is not ours to use.
#include "memory/memory.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "memory/image_cursor.h"
#include "sqlite/scratch.h"

namespace syncnode::memory {
namespace {

class MemoryTest : public ::testing::Test {
 protected:
  MemoryTest() : directory_(scratch_.path("client")) { std::filesystem::create_directory(directory_); }

  std::unique_ptr<Memory> open(const std::string& deployment = "deployment") {
    auto opened = Memory::open(directory_, deployment);
    if (!opened) throw std::runtime_error(opened.error().to_string());
    return std::move(*opened);
  }
  std::string file() const { return directory_ + "/memory.db"; }

  static Record record(int64_t position, const std::string& key, bool quarantined = false) {
    return {position, key, quarantined, StoredHash(static_cast<uint64_t>(position))};
  }
  static void write(Memory& memory, const std::string& table, int64_t rows) {
    auto id = memory.new_image_id();
    ASSERT_TRUE(id) << id.error().to_string();
    ImageWriter writer(memory, {*id, 0, false}, true);
    for (int64_t i = 0; i < rows; ++i) ASSERT_TRUE(writer.add(record(i, "k")));
    ASSERT_TRUE(writer.flush());
    ASSERT_TRUE(memory.write_table({table, Image{*id, rows, false}}));
  }
  void confirmed(const std::string& sync_id, int64_t rows) {
    auto memory = open();
    ASSERT_TRUE(memory->begin(sync_id));
    write(*memory, "chat", rows);
    ASSERT_TRUE(memory->confirm());
  }
  static int64_t rows(Memory& memory, const Image& image) {
    int64_t seen = 0;
    auto cursor = ImageCursor::open(memory, image);
    EXPECT_TRUE(cursor);
    for (; cursor->current() != nullptr; ++seen) EXPECT_TRUE(cursor->next());
    return seen;
  }
  static int64_t blocks(Memory& memory) {
    auto statement = memory.database().prepare("SELECT count(*) FROM block");
    EXPECT_TRUE(statement && *statement->step());
    return statement->column_int64(0);
  }

  sqlite::Scratch scratch_;
  std::string directory_;
};

TEST_F(MemoryTest, AFreshOneKnowsNothing) {
  auto memory = open();
  EXPECT_TRUE(memory->fresh());
  EXPECT_EQ(memory->pending_sync_id(), "");
  auto image = memory->image("chat");
  ASSERT_TRUE(image);
  EXPECT_FALSE(*image);
  const uint64_t seed = memory->seed();
  EXPECT_NE(seed, 0U);
  memory.reset();
  EXPECT_EQ(open()->seed(), seed);
}

TEST_F(MemoryTest, ConfirmedTablesStay) {
  confirmed("one", 5);
  auto memory = open();
  EXPECT_FALSE(memory->fresh());
  EXPECT_EQ(memory->sync_id(), "one");
  EXPECT_EQ(memory->pending_sync_id(), "");
  EXPECT_EQ(*memory->tables(), std::vector<std::string>{"chat"});
  EXPECT_EQ(rows(*memory, **memory->image("chat")), 5);
}

TEST_F(MemoryTest, AKilledRunsPendingIsConfirmedOrDiscardedByTheNext) {
  confirmed("one", 5);
  for (const bool committed : {false, true}) {
    {
      auto killed = open();
      ASSERT_TRUE(killed->begin("two"));
      write(*killed, "chat", 9);
      write(*killed, "user", 2);
    }
    auto memory = open();
    EXPECT_EQ(memory->sync_id(), "one");
    EXPECT_EQ(memory->pending_sync_id(), "two");
    EXPECT_EQ((*memory->image("chat"))->rows, 5);
    ASSERT_TRUE(committed ? memory->confirm() : memory->discard());
    EXPECT_EQ(memory->pending_sync_id(), "");
    EXPECT_EQ(memory->sync_id(), committed ? "two" : "one");
    EXPECT_EQ(rows(*memory, **memory->image("chat")), committed ? 9 : 5);
    EXPECT_EQ((*memory->image("user")).has_value(), committed);
    EXPECT_EQ(blocks(*memory), committed ? 2 : 1);  // nobody's images are gone
    memory.reset();
    EXPECT_EQ(open()->sync_id(), committed ? "two" : "one");
  }
}

// Begun under an id that no copy holds: a rebuild that was killed is no memory of anything.
TEST_F(MemoryTest, ARebuildCountsOnlyWhole) {
  confirmed("one", 5);
  for (const bool whole : {false, true}) {
    {
      auto rebuilding = open();
      ASSERT_TRUE(rebuilding->begin("rebuild"));
      write(*rebuilding, "chat", 9);
      if (whole) {
        ASSERT_TRUE(rebuilding->confirm_rebuilt("one"));
        EXPECT_EQ(rebuilding->sync_id(), "one");
      }
    }
    auto memory = open();
    EXPECT_EQ(memory->sync_id(), "one");
    EXPECT_EQ(memory->generation_unknown(), !whole);
    EXPECT_EQ(rows(*memory, **memory->image("chat")), whole ? 9 : 5);
  }
}

TEST_F(MemoryTest, AFrozenRunCanChangeNothing) {
  auto frozen = open();
  ASSERT_TRUE(frozen->begin("frozen"));
  write(*frozen, "chat", 3);
  auto next = open();
  ASSERT_TRUE(next->begin("next"));
  const auto expect_refused = [&] {
    const Status attempts[] = {frozen->write_table({"chat", std::nullopt}),
                               frozen->write_blocks({{1, 0, 1, "x"}}, true),
                               frozen->write_blocks({{1, 0, 1, "x"}}, false),
                               frozen->write_kept("chat", {{record(1, "a"), false}}),
                               frozen->trim_image(1, 0),
                               frozen->mark_load({"chat", "_sync_load_1", "id", {1, 0, false}, "{}"}),
                               frozen->forget_load("chat"),
                               frozen->discard(),
                               frozen->confirm()};
    for (const auto& attempt : attempts) {
      ASSERT_FALSE(attempt);
      EXPECT_EQ(attempt.error().code, ErrorCode::kAborted);
    }
    const auto id = frozen->new_image_id();
    ASSERT_FALSE(id);
    EXPECT_EQ(id.error().code, ErrorCode::kAborted);
  };
  expect_refused();
  write(*next, "user", 4);
  ASSERT_TRUE(next->confirm());
  expect_refused();
  auto memory = open();
  EXPECT_EQ(memory->sync_id(), "next");
  EXPECT_EQ(*memory->tables(), std::vector<std::string>{"user"});
}

TEST_F(MemoryTest, AForgottenTableIsGone) {
  confirmed("one", 5);
  auto memory = open();
  ASSERT_TRUE(memory->begin("two"));
  ASSERT_TRUE(memory->write_table({"chat", std::nullopt}));
  ASSERT_TRUE(memory->confirm());
  EXPECT_TRUE(memory->tables()->empty());
  EXPECT_EQ(blocks(*memory), 0);
}

TEST_F(MemoryTest, KeptRecordsAreReplacedWithTheirTable) {
  auto memory = open();
  const auto kept = [&](const std::string& table) {
    std::string all;
    EXPECT_TRUE(memory->for_each_kept(table, [&](const KeptRecord& item) {
      all += item.record.key + (item.rejected ? "!" : "") + (item.record.quarantined ? "q" : "") +
             std::to_string(item.record.position) + " ";
      EXPECT_EQ(item.record.hash, StoredHash(static_cast<uint64_t>(item.record.position)));
      return Status();
    }));
    return all;
  };
  ASSERT_TRUE(memory->begin("one"));
  write(*memory, "chat", 1);
  write(*memory, "user", 1);
  ASSERT_TRUE(
      memory->write_kept("chat", {{record(7, "b"), true}, {record(-8, std::string("\0a", 2), true), false}}));
  ASSERT_TRUE(memory->write_kept("user", {{record(1, "u"), false}}));
  EXPECT_EQ(kept("chat"), "");
  ASSERT_TRUE(memory->confirm());
  EXPECT_EQ(kept("chat"), std::string("\0aq-8 b!7 ", 10));
  ASSERT_TRUE(memory->begin("two"));  // only 'chat' is touched
  write(*memory, "chat", 1);
  ASSERT_TRUE(memory->confirm());
  EXPECT_EQ(kept("chat"), "");
  EXPECT_EQ(kept("user"), "u1 ");
}

TEST_F(MemoryTest, LoadsSurviveUntilTheirImageIsCurrent) {
  {
    auto memory = open();
    ASSERT_TRUE(memory->begin("load"));
    auto id = memory->new_image_id();
    ASSERT_TRUE(id);
    ImageWriter writer(*memory, {*id, 0, false}, true);
    for (int64_t i = 0; i < 2000; ++i) ASSERT_TRUE(writer.add(record(i, "key")));
    ASSERT_TRUE(writer.flush());
    ASSERT_TRUE(memory->mark_load({"chat", "_sync_load_1", "some-uuid", {*id, 2000, false}, "{\"a\":1}"}));
  }
  auto memory = open();
  ASSERT_TRUE(memory->begin("resumed"));
  auto loads = memory->loads();
  ASSERT_TRUE(loads && loads->size() == 1);
  const LoadMark mark = loads->front();
  EXPECT_EQ(mark.table + " " + mark.load_table + " " + mark.load_id + " " + mark.shape,
            "chat _sync_load_1 some-uuid {\"a\":1}");
  EXPECT_EQ(rows(*memory, mark.image), 2000);
  auto other = memory->new_image_id();
  ASSERT_TRUE(other);
  EXPECT_GT(*other, mark.image.id);
  ASSERT_TRUE(memory->write_table({"chat", mark.image}));
  ASSERT_TRUE(memory->confirm());
  EXPECT_TRUE(memory->loads()->empty());
  EXPECT_EQ(rows(*memory, **memory->image("chat")), 2000);
}

TEST_F(MemoryTest, AForgottenLoadLosesItsBlocksWithTheNextRun) {
  auto memory = open();
  ASSERT_TRUE(memory->begin("load"));
  ASSERT_TRUE(memory->write_blocks({{1, 0, 1, "x"}}, true));
  ASSERT_TRUE(memory->mark_load({"chat", "_sync_load_1", "id", {1, 1, false}, "{}"}));
  ASSERT_TRUE(memory->forget_load("chat"));
  ASSERT_TRUE(memory->begin("next"));
  EXPECT_TRUE(memory->loads()->empty());
  EXPECT_EQ(blocks(*memory), 0);
}

TEST_F(MemoryTest, TrimDropsTheBlocksThatBeginLater) {
  auto memory = open();
  ASSERT_TRUE(memory->begin("load"));
  ASSERT_TRUE(memory->write_blocks(
      {{1, -10, 1, "a"}, {1, 0, 1, "b"}, {1, 5, 1, "c"}, {1, 6, 1, "d"}, {2, 9, 1, "e"}}, true));
  ASSERT_TRUE(memory->trim_image(1, 5));
  auto statement = memory->database().prepare(
      "SELECT group_concat(data, '') FROM (SELECT data FROM block ORDER BY image_id, first_position)");
  ASSERT_TRUE(statement && *statement->step());
  EXPECT_EQ(statement->column_bytes(0), "abce");
}

TEST_F(MemoryTest, AnotherDeploymentsOrFormatsFileIsPutAside) {
  confirmed("one", 5);
  EXPECT_TRUE(open("other deployment")->fresh());
  confirmed("one", 5);  // which puts the other's aside
  {
    auto database = sqlite::Database::open_own(file(), sqlite::Database::Mode::kReadWriteCreate, 1000);
    ASSERT_TRUE(database && database->execute("UPDATE meta SET value = '0' WHERE key = 'format'"));
  }
  EXPECT_TRUE(open()->fresh());
}

TEST_F(MemoryTest, AFileThatIsNoDatabaseIsPutAside) {
  for (const std::string& content : {std::string("hello"), std::string(8192, '\x8f')}) {
    scratch_.write(content, "client/memory.db");
    EXPECT_TRUE(open()->fresh());
  }
}

// Locked by a process that was frozen inside a transaction, or one that holds the file for itself.
TEST_F(MemoryTest, ALockedFileIsPutAside) {
  for (const std::string& lock :
       {std::string("BEGIN IMMEDIATE"),
        std::string("PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; PRAGMA user_version = 1")}) {
    SCOPED_TRACE(lock);
    confirmed("one", 5);
    auto frozen = sqlite::Database::open_own(file(), sqlite::Database::Mode::kReadWriteCreate, 1000);
    ASSERT_TRUE(frozen && frozen->execute(lock));
    auto memory = open();
    EXPECT_TRUE(memory->fresh());
    EXPECT_TRUE(memory->begin("two"));
    EXPECT_TRUE(memory->confirm());
    EXPECT_TRUE(frozen->execute("COMMIT"));
    EXPECT_EQ(open()->sync_id(), "two");
  }
}

TEST_F(MemoryTest, OneThatIsSettledOpensBeforeItsDeploymentIsKnown) {
  EXPECT_EQ(Memory::open_settled(directory_), nullptr) << "none is there";
  EXPECT_FALSE(std::filesystem::exists(file()));
  { open(); }
  EXPECT_EQ(Memory::open_settled(directory_), nullptr) << "nothing was confirmed yet";
  confirmed("one", 3);
  auto settled = Memory::open_settled(directory_);
  ASSERT_NE(settled, nullptr);
  EXPECT_EQ(settled->deployment_id(), "deployment");
  EXPECT_EQ(settled->sync_id(), "one");
  EXPECT_EQ(settled->seed(), open()->seed());
  ASSERT_TRUE(settled->begin("two"));
  EXPECT_EQ(Memory::open_settled(directory_), nullptr) << "what is pending is for a run that knows the copy";
  ASSERT_TRUE(settled->confirm());
  EXPECT_EQ(open()->sync_id(), "two");
}

TEST_F(MemoryTest, OneThatIsNotSettledStaysAsItIs) {
  confirmed("one", 3);
  auto holder = sqlite::Database::open_own(file(), sqlite::Database::Mode::kReadWriteCreate, 2000);
  ASSERT_TRUE(holder);
  ASSERT_TRUE(holder->execute("BEGIN IMMEDIATE"));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(Memory::open_settled(directory_), nullptr) << "somebody writes";
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1)) << "nobody is waited for";
  ASSERT_TRUE(holder->execute("ROLLBACK; UPDATE meta SET value = 'other' WHERE key = 'format'"));
  EXPECT_EQ(Memory::open_settled(directory_), nullptr) << "another format";
  EXPECT_TRUE(std::filesystem::exists(file()));
  ASSERT_TRUE(holder->execute("UPDATE meta SET value = '2' WHERE key = 'format'"));
  auto settled = Memory::open_settled(directory_);
  ASSERT_NE(settled, nullptr);
  auto wait = settled->database().prepare("PRAGMA busy_timeout");
  ASSERT_TRUE(wait && *wait->step());
  EXPECT_EQ(wait->column_int64(0), 2000) << "once open it waits as any other";
}

TEST_F(MemoryTest, DamageIsSeenOrHarmlessButNeverACrash) {
  confirmed("one", 3000);
  const std::string whole = scratch_.bytes("client/memory.db");
  ASSERT_GT(whole.size(), 60000U);
  std::mt19937 random(20251122);
  int aside = 0, corrupt = 0;
  for (int round = 0; round < 120; ++round) {
    std::string damaged = whole;
    for (size_t hits = 1 + random() % 200; hits > 0; --hits)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    if (round % 4 == 0) damaged.resize(random() % damaged.size());
    ASSERT_TRUE(Memory::remove(directory_));
    scratch_.write(damaged, "client/memory.db");
    auto memory = Memory::open(directory_, "deployment");
    ASSERT_TRUE(memory) << memory.error().to_string();
    aside += (*memory)->fresh() ? 1 : 0;
    auto image = (*memory)->image("chat");
    if (!image || !*image) continue;
    auto cursor = ImageCursor::open(**memory, **image);
    Status read = cursor ? Status() : Status(cursor.error());
    while (read && cursor->current() != nullptr) read = cursor->next();
    corrupt += read ? 0 : 1;
    if (!read) {
      EXPECT_EQ(read.error().code, ErrorCode::kCorruption) << read.error().to_string();
    }
  }
  EXPECT_GT(aside, 0);
  EXPECT_GT(corrupt, 0);
}

}  // namespace
}  // namespace syncnode::memory
