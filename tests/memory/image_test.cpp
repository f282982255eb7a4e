// Images over many generations against a std::map: whatever was confirmed is read back, whatever was not left
// no trace.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "codec/row_key.h"
#include "memory/image_cursor.h"
#include "sqlite/scratch.h"

namespace syncnode::memory {
namespace {

using Place = std::pair<int64_t, std::string>;  // position, key
struct Content {
  bool quarantined = false;
  uint64_t hash = 0;
  bool operator==(const Content&) const = default;
};
using Model = std::map<Place, Content>;

constexpr char kTable[] = "chat";

class ImageTest : public ::testing::TestWithParam<bool> {
 protected:
  ImageTest() : directory_(scratch_.path("client")) {
    std::filesystem::create_directory(directory_);
    reopen();
  }

  void reopen() {
    memory_.reset();
    auto opened = Memory::open(directory_, "deployment");
    ASSERT_TRUE(opened) << opened.error().to_string();
    memory_ = std::move(*opened);
  }

  bool key_is_position() const { return GetParam(); }

  Place place(int64_t position, uint32_t variant) const {
    std::string key;
    if (key_is_position()) {
      codec::append_key_value(key, ValueView::of_integer(position));
    } else {
      key = "key" + std::to_string(variant) + std::string(variant % 60, 'k');
    }
    return {position, key};
  }

  static Record record_of(const Model::value_type& row) {
    return {row.first.first, row.first.second, row.second.quarantined, StoredHash(row.second.hash)};
  }

  // As the diff does it: both sides in order, region by region; returns how many records differed.
  Result<int64_t> rewrite(const Image& image, bool new_image, const Model& wanted) {
    SN_ASSIGN(auto cursor, ImageCursor::open(*memory_, image));
    ImageWriter writer(*memory_, image, new_image);
    bool changed = false;
    int64_t differences = 0;
    if (cursor.current() != nullptr) writer.begin_region(cursor.block_first());
    std::optional<int64_t> end = cursor.next_block_first();
    auto row = wanted.begin();
    while (row != wanted.end() || cursor.current() != nullptr) {
      const Record* known = cursor.current();
      const bool take_row =
          row != wanted.end() && (known == nullptr || row->first <= Place(known->position, known->key));
      const bool take_known =
          known != nullptr && (row == wanted.end() || Place(known->position, known->key) <= row->first);
      const int64_t position = take_row ? row->first.first : known->position;
      if (end && position >= *end) {
        SN_TRY(writer.end_region(changed));
        changed = false;
        writer.begin_region(*end);
        end = cursor.next_block_first();
      }
      const bool same = take_row && take_known && known->hash == record_of(*row).hash &&
                        known->quarantined == row->second.quarantined;
      changed = changed || !same;
      differences += same ? 0 : 1;
      if (take_row) SN_TRY(writer.add(record_of(*row++)));
      if (take_known) SN_TRY(cursor.next());
    }
    SN_TRY(writer.end_region(changed));
    SN_TRY(writer.flush());
    SN_TRY(memory_->write_table({kTable, Image{image.id, writer.rows(), image.key_is_position}}));
    return differences;
  }

  void expect_holds(const Model& model) {
    auto image = memory_->image(kTable);
    ASSERT_TRUE(image && *image);
    EXPECT_EQ((*image)->rows, static_cast<int64_t>(model.size()));
    EXPECT_EQ((*image)->key_is_position, key_is_position());
    auto cursor = ImageCursor::open(*memory_, **image);
    ASSERT_TRUE(cursor) << cursor.error().to_string();
    for (const auto& row : model) {
      const Record* record = cursor->current();
      ASSERT_NE(record, nullptr);
      ASSERT_EQ(Place(record->position, record->key), row.first);
      ASSERT_EQ(record->quarantined, row.second.quarantined);
      ASSERT_EQ(record->hash, StoredHash(row.second.hash));
      ASSERT_TRUE(cursor->next());
    }
    EXPECT_EQ(cursor->current(), nullptr);
  }

  int64_t count(const std::string& sql) {
    auto statement = memory_->database().prepare(sql);
    EXPECT_TRUE(statement && *statement->step()) << sql;
    return statement->column_int64(0);
  }

  void first_image(const Model& model) {
    ASSERT_TRUE(memory_->begin("first"));
    auto id = memory_->new_image_id();
    ASSERT_TRUE(id);
    ASSERT_TRUE(rewrite(Image{*id, 0, key_is_position()}, true, model));
    ASSERT_TRUE(memory_->confirm());
    expect_holds(model);
  }

  // Some records changed, some gone, some new; now and then a wide gap, or everything at one end.
  void edit(Model& model) {
    const size_t edits = random_() % 5 == 0 ? 600 : random_() % 30;
    for (size_t i = 0; i < edits; ++i) {
      const auto position = static_cast<int64_t>(random_() % 40000) - 20000;
      auto at = model.lower_bound({position, ""});
      const auto kind = random_() % 3;
      if (kind == 0 || at == model.end())
        model[place(position, static_cast<uint32_t>(random_() % 300))] = {random_() % 9 == 0, random_()};
      else if (kind == 1)
        at->second.hash = random_();
      else
        model.erase(at);
    }
    if (random_() % 8 == 0) model.erase(model.lower_bound({-3000, ""}), model.lower_bound({9000, ""}));
    if (random_() % 12 == 0) model.clear();
    if (random_() % 10 == 0) model[place(INT64_MIN, 1)] = {true, 1}, model[place(INT64_MAX, 2)] = {false, 2};
  }

  sqlite::Scratch scratch_;
  std::string directory_;
  std::unique_ptr<Memory> memory_;
  std::mt19937_64 random_{20251122};
};

TEST_P(ImageTest, RandomEditsOverManyGenerations) {
  Model model;
  for (int i = 0; i < 6000; ++i)
    model[place(i * 3 - 9000, static_cast<uint32_t>(i % 300))] = {false, random_()};
  first_image(model);
  for (int generation = 0; generation < 60; ++generation) {
    SCOPED_TRACE(generation);
    Model wanted = model;
    edit(wanted);
    ASSERT_TRUE(memory_->begin("sync " + std::to_string(generation)));
    auto image = memory_->image(kTable);
    ASSERT_TRUE(image && *image);
    auto rewritten = rewrite(**image, false, wanted);
    ASSERT_TRUE(rewritten) << rewritten.error().to_string();
    expect_holds(model);  // pending is not current
    const auto end = random_() % 4;
    if (end == 0) {
      ASSERT_TRUE(memory_->discard());
    } else if (end == 1) {
      reopen();  // killed before COMMIT: the next run begins anew
    } else {
      if (end == 2) reopen();  // killed after COMMIT: the next run confirms
      EXPECT_EQ(memory_->pending_sync_id(), "sync " + std::to_string(generation));
      ASSERT_TRUE(memory_->confirm());
      EXPECT_EQ(memory_->sync_id(), "sync " + std::to_string(generation));
      model = wanted;
    }
    ASSERT_NO_FATAL_FAILURE(expect_holds(model));
  }
}

TEST_P(ImageTest, OnlyWhatChangedIsWritten) {
  Model model;
  for (int i = 0; i < 50000; ++i) model[place(i, 7)] = {false, random_()};
  first_image(model);
  const int64_t blocks = count("SELECT count(*) FROM block");
  EXPECT_GT(blocks, 20);
  ASSERT_TRUE(memory_->begin("nothing"));
  auto image = memory_->image(kTable);
  auto rewritten = rewrite(**image, false, model);
  ASSERT_TRUE(rewritten);
  EXPECT_EQ(*rewritten, 0);
  EXPECT_EQ(count("SELECT count(*) FROM pending_block"), 0);
  model[place(25000, 7)].hash = 1;
  ASSERT_TRUE(rewrite(**image, false, model));
  EXPECT_LE(count("SELECT count(*) FROM pending_block"), 2);
  ASSERT_TRUE(memory_->confirm());
  expect_holds(model);
  EXPECT_EQ(count("SELECT count(*) FROM block"), blocks);
}

// A region that outgrows its buffer is written before its end is seen.
TEST_P(ImageTest, AHugeGapIsFilled) {
  Model model = {{place(-5, 1), {false, 1}}, {place(1000000, 1), {false, 2}}};
  first_image(model);
  for (int i = 0; i < 150000; ++i) model[place(i, 3)] = {false, random_()};
  for (const char* sync : {"fill", "again"}) {
    ASSERT_TRUE(memory_->begin(sync));
    auto image = memory_->image(kTable);
    auto rewritten = rewrite(**image, false, model);
    ASSERT_TRUE(rewritten) << rewritten.error().to_string();
    EXPECT_EQ(*rewritten, std::string_view(sync) == "fill" ? 150000 : 0);
    ASSERT_TRUE(memory_->confirm());
    expect_holds(model);
  }
}

INSTANTIATE_TEST_SUITE_P(Keys, ImageTest, ::testing::Bool(), [](const auto& suite) {
  return std::string(suite.param ? "Positions" : "OwnKeys");
});

}  // namespace
}  // namespace syncnode::memory
