// What a row costs on disk, the whole file counted: after a load, after changes, after a second image
// replaced the first. At most 24 bytes, a key of 36 characters included. Beside them the file has room for
// its own tables and for a small change set, however few rows there are.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "base/hex.h"
#include "codec/bytes.h"
#include "codec/row_key.h"
#include "memory/image_cursor.h"
#include "sqlite/scratch.h"

namespace syncnode::memory {
namespace {

constexpr char kTable[] = "chat";
constexpr int64_t kRows = 120000;
constexpr double kFixedBytes = 256 << 10;

enum class Key { kPosition, kUuid };

class MemorySizeTest : public ::testing::TestWithParam<Key> {
 protected:
  MemorySizeTest() : directory_(scratch_.path("client")) {
    std::filesystem::create_directory(directory_);
    for (int64_t i = 0; i < kRows; ++i) rows_.push_back({i + 1, key(i + 1), false, StoredHash(random_())});
    reopen();
  }

  void reopen() {
    memory_.reset();
    auto opened = Memory::open(directory_, "deployment");
    if (!opened) throw std::runtime_error(opened.error().to_string());
    memory_ = std::move(*opened);
  }

  std::string key(int64_t position) {
    std::string text, key;
    for (int i = 0; i < 2; ++i) codec::append_big_endian(text, random_());
    text = to_hex(text);
    for (size_t at : {8U, 13U, 18U, 23U}) text.insert(at, "-");
    codec::append_key_value(
        key, GetParam() == Key::kUuid ? ValueView::of_text(text) : ValueView::of_integer(position));
    return key;
  }

  Image image(int64_t id) const { return {id, kRows, GetParam() == Key::kPosition}; }

  Status load(const std::string& sync_id, bool settle = true) {
    SN_TRY(memory_->begin(sync_id));
    SN_ASSIGN(int64_t id, memory_->new_image_id());
    ImageWriter writer(*memory_, image(id), true);
    for (const auto& row : rows_) SN_TRY(writer.add(row));
    SN_TRY(writer.flush());
    SN_TRY(memory_->write_table({kTable, image(id)}));
    return settle ? memory_->confirm() : Status();
  }

  // One row in `step` has another hash.
  Status change(const std::string& sync_id, size_t step) {
    SN_TRY(memory_->begin(sync_id));
    SN_ASSIGN(auto known, memory_->image(kTable));
    SN_ASSIGN(auto cursor, ImageCursor::open(*memory_, *known));
    ImageWriter writer(*memory_, *known, false);
    for (size_t row = 0; cursor.current() != nullptr;) {
      writer.begin_region(cursor.block_first());
      const std::optional<int64_t> end = cursor.next_block_first();
      bool changed = false;
      for (; cursor.current() != nullptr && (!end || cursor.current()->position < *end); ++row) {
        if (row % step == 0) rows_[row].hash = StoredHash(random_());
        changed = changed || row % step == 0;
        SN_TRY(writer.add(rows_[row]));
        SN_TRY(cursor.next());
      }
      SN_TRY(writer.end_region(changed));
    }
    SN_TRY(writer.flush());
    SN_TRY(memory_->write_table({kTable, *known}));
    return memory_->confirm();
  }

  // As it lies there when nobody has it open: then there is no log beside it.
  double bytes_per_row() {
    memory_.reset();
    const auto bytes = static_cast<double>(std::filesystem::file_size(directory_ + "/memory.db"));
    EXPECT_FALSE(std::filesystem::exists(directory_ + "/memory.db-wal"));
    reopen();
    return (bytes - kFixedBytes) / static_cast<double>(kRows);
  }

  void expect_small(const char* when) {
    const double bytes = bytes_per_row();
    std::printf("%s: %.2f bytes a row\n", when, bytes);
    EXPECT_LE(bytes, GetParam() == Key::kUuid ? 24.0 : 9.0) << when;
  }

  sqlite::Scratch scratch_;
  std::string directory_;
  std::unique_ptr<Memory> memory_;
  std::mt19937_64 random_{20261126};
  std::vector<Record> rows_;
};

TEST_P(MemorySizeTest, StaysSmall) {
  ASSERT_TRUE(load("first"));
  expect_small("loaded");
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(change("some " + std::to_string(i), 5000));
  expect_small("some rows changed");
  ASSERT_TRUE(change("all", 1));
  expect_small("all rows changed");
  ASSERT_TRUE(load("second"));
  expect_small("loaded anew");
  ASSERT_TRUE(load("dropped", false));
  ASSERT_TRUE(memory_->discard());
  expect_small("a load dropped");
}

INSTANTIATE_TEST_SUITE_P(Keys, MemorySizeTest, ::testing::Values(Key::kPosition, Key::kUuid),
                         [](const auto& suite) {
                           return std::string(suite.param == Key::kUuid ? "Uuids" : "Positions");
                         });

}  // namespace
}  // namespace syncnode::memory
