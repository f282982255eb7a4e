// Blocks: what goes in comes out, and no damage is more than kCorruption.
#include "memory/block.h"

#include <gtest/gtest.h>

#include <random>

#include "base/hex.h"
#include "codec/row_key.h"

namespace syncnode::memory {
namespace {

Record record(int64_t position, std::string key, bool quarantined = false) {
  return {position,
          std::move(key),
          quarantined,
          {static_cast<uint64_t>(position) * 3, ~static_cast<uint64_t>(position)}};
}

std::string encoded(const std::vector<Record>& records, bool key_is_position) {
  std::string block;
  int64_t previous = records.empty() ? 0 : records.front().position;
  for (const auto& item : records) {
    append_record(block, previous, item, key_is_position);
    previous = item.position;
  }
  return block;
}

void expect_same(const std::vector<Record>& left, const std::vector<Record>& right) {
  ASSERT_EQ(left.size(), right.size());
  for (size_t i = 0; i < left.size(); ++i) {
    EXPECT_EQ(left[i].position, right[i].position);
    EXPECT_EQ(to_hex(left[i].key), to_hex(right[i].key));
    EXPECT_EQ(left[i].quarantined, right[i].quarantined);
    EXPECT_EQ(left[i].hash, right[i].hash);
  }
}

const std::vector<Record>& extremes() {
  static const std::vector<Record> kRecords = {record(INT64_MIN, ""),
                                               record(INT64_MIN, "a"),
                                               record(INT64_MIN + 1, std::string("\0\xFF", 2), true),
                                               record(-1, std::string(127, 'x')),
                                               record(0, std::string(128, 'y')),
                                               record(1, std::string(512, 'z'), true),
                                               record(1LL << 40, "k"),
                                               record(INT64_MAX - 1, "l"),
                                               record(INT64_MAX, "m")};
  return kRecords;
}

TEST(Block, RoundTrip) {
  std::vector<Record> decoded = {record(5, "left over")};
  ASSERT_TRUE(decode_block("", 0, false, decoded));
  EXPECT_TRUE(decoded.empty());
  ASSERT_TRUE(decode_block(encoded(extremes(), false), INT64_MIN, false, decoded));
  expect_same(decoded, extremes());
}

TEST(Block, KeysThatArePositionsAreMadeAgain) {
  std::vector<Record> records;
  for (int64_t position : {INT64_MIN, int64_t{-7}, int64_t{0}, int64_t{1}, int64_t{2}, INT64_MAX}) {
    std::string key;
    codec::append_key_value(key, ValueView::of_integer(position));
    records.push_back(record(position, key));
  }
  const std::string block = encoded(records, true);
  std::vector<Record> decoded;
  ASSERT_TRUE(decode_block(block, INT64_MIN, true, decoded));
  expect_same(decoded, records);
  EXPECT_LT(block.size(), encoded(records, false).size() - 8 * records.size());
}

// The layout docs/FORMATS.md promises, byte by byte.
TEST(Block, GoldenBytes) {
  std::string block;
  append_record(block, 10, {8, "key", true, {0x0102030405060708ULL, 0x1112131415161718ULL}}, false);
  EXPECT_EQ(to_hex(block),
            "03"
            "03"
            "6b6579"
            "01"
            "1112131415161718"
            "0102030405060708");
}

TEST(Block, EveryCutIsCorruptionOrAShorterBlock) {
  const std::string block = encoded(extremes(), false);
  std::vector<Record> decoded;
  size_t whole = 0;
  for (size_t cut = 0; cut < block.size(); ++cut) {
    const auto done = decode_block(std::string_view(block).substr(0, cut), INT64_MIN, false, decoded);
    if (done)
      ++whole;
    else {
      EXPECT_EQ(done.error().code, ErrorCode::kCorruption);
    }
  }
  EXPECT_EQ(whole, extremes().size());  // only at a record's end
}

TEST(Block, DamageIsNeverMoreThanCorruption) {
  const std::string block = encoded(extremes(), false);
  std::mt19937 random(20251122);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string damaged = block;
    for (size_t hits = 1 + random() % 8; hits > 0; --hits)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    damaged.resize(random() % 3 == 0 ? random() % damaged.size() : damaged.size());
    std::vector<Record> decoded;
    const auto done = decode_block(damaged, INT64_MIN, random() % 2 == 0, decoded);
    if (done) continue;
    EXPECT_EQ(done.error().code, ErrorCode::kCorruption);
    ++refused;
  }
  EXPECT_GT(refused, 1000);
}

TEST(Block, EndlessNumbersAndLyingLengthsAreRefused) {
  std::vector<Record> decoded;
  for (const std::string& bytes :
       {std::string(20, '\xFF'), std::string("\0", 1) + std::string(9, '\xFF') + '\1' + std::string(40, 'x'),
        std::string("\x80", 1), std::string("\0\0\0", 3)}) {
    const auto done = decode_block(bytes, 0, false, decoded);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kCorruption);
  }
}

}  // namespace
}  // namespace syncnode::memory
