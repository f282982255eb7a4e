// Blocks: what goes in comes out, and no damage is more than kCorruption.
#include "memory/block.h"

#include <gtest/gtest.h>

#include <random>

#include "base/hex.h"
#include "codec/row_key.h"

namespace syncnode::memory {
namespace {

Record record(int64_t position, std::string key, bool quarantined = false) {
  return {position, std::move(key), quarantined, StoredHash(static_cast<uint64_t>(position) * 3)};
}

std::string encoded(const std::vector<Record>& records) {
  std::string block;
  int64_t previous = records.empty() ? 0 : records.front().position;
  for (const auto& item : records) {
    append_record(block, previous, item);
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
  ASSERT_TRUE(decode_block("", 0, decoded));
  EXPECT_TRUE(decoded.empty());
  ASSERT_TRUE(decode_block(encoded(extremes()), INT64_MIN, decoded));
  expect_same(decoded, extremes());
}

std::string key_of(const std::vector<ValueView>& values) {
  std::string key;
  for (const auto& value : values) codec::append_key_value(key, value);
  return key;
}

constexpr char kUuid[] = "0f5ad2c1-9b7e-4c3d-8a10-ffee00112233";

// Every form of a key, and its nearest neighbours that are not of that form.
std::vector<std::string> keys_of_all_forms(int64_t position) {
  std::vector<std::string> keys = {"", "key", std::string(512, 'z')};
  for (int64_t integer : {position, position + 1, INT64_MIN, int64_t{-1}, INT64_MAX})
    keys.push_back(key_of({ValueView::of_integer(integer)}));
  for (std::string text : {kUuid, "", "a", "0F5AD2C1-9B7E-4C3D-8A10-FFEE00112233"}) {
    keys.push_back(key_of({ValueView::of_text(text)}));
    keys.push_back(key_of({ValueView::of_blob(text)}));
    keys.push_back(key_of({ValueView::of_text(text), ValueView::of_text(text)}));
    keys.push_back(key_of({ValueView::of_text(text), ValueView::null()}));
    keys.push_back(key_of({ValueView::of_integer(position), ValueView::of_text(text)}));
  }
  for (size_t at = 0; at < 36; ++at) {  // no digit, no dash
    std::string text = kUuid;
    text[at] = text[at] == '-' ? '0' : 'g';
    keys.push_back(key_of({ValueView::of_text(text)}));
  }
  for (uint32_t ordinal : {0U, 1U, 300U, UINT32_MAX})
    keys.push_back(codec::multiset_key(std::string(codec::kContentDigest, '\x8E'), ordinal));
  std::string lying = key_of({ValueView::of_text("abc")});
  lying[4] = 9;
  keys.push_back(lying);
  return keys;
}

TEST(Block, KeysOfEveryForm) {
  std::vector<Record> records;
  for (int64_t position : {INT64_MIN, int64_t{-7}, int64_t{0}, int64_t{14}, int64_t{29}, INT64_MAX - 1}) {
    for (auto& key : keys_of_all_forms(position))
      records.push_back(record(position, key, records.size() % 3 == 0));
  }
  std::vector<Record> decoded;
  ASSERT_TRUE(decode_block(encoded(records), INT64_MIN, decoded));
  expect_same(decoded, records);
}

// What a row costs: docs/FORMATS.md.
TEST(Block, WhatCanBeMadeAgainIsLeftOut) {
  const auto size = [](int64_t distance, const std::string& key) {
    std::string block;
    append_record(block, 1000 - distance, record(1000, key));
    return block.size();
  };
  EXPECT_EQ(size(1, key_of({ValueView::of_integer(1000)})), 1U + 6);
  EXPECT_EQ(size(14, key_of({ValueView::of_integer(1000)})), 1U + 6);
  EXPECT_EQ(size(15, key_of({ValueView::of_integer(1000)})), 1U + 1 + 6);
  EXPECT_EQ(size(1, key_of({ValueView::of_integer(63)})), 1U + 1 + 6);
  EXPECT_EQ(size(1, key_of({ValueView::of_text(kUuid)})), 1U + 16 + 6);
  EXPECT_EQ(size(1, codec::multiset_key(std::string(codec::kContentDigest, 'd'), 0)), 1U + 17 + 6);
}

// The layout docs/FORMATS.md promises, byte by byte.
TEST(Block, GoldenBytes) {
  const auto bytes = [](int64_t previous, int64_t position, const std::string& key, bool quarantined) {
    std::string block;
    append_record(block, previous, {position, key, quarantined, StoredHash(0xFFFF010203040506ULL)});
    return to_hex(block);
  };
  const std::string hash = "010203040506";
  EXPECT_EQ(bytes(10, 13, "key", true),
            "31"
            "03"
            "6b6579" +
                hash);
  EXPECT_EQ(bytes(10, 24, key_of({ValueView::of_integer(24)}), false), "e2" + hash);
  EXPECT_EQ(bytes(10, 25, key_of({ValueView::of_integer(25)}), false),
            "f2"
            "00" +
                hash);
  EXPECT_EQ(bytes(10, 8, key_of({ValueView::of_integer(-1)}), false),
            "f8"
            "efffffffffffffffff01"
            "01" +
                hash);
  EXPECT_EQ(bytes(10, 11, key_of({ValueView::of_text(kUuid)}), false),
            "14"
            "0f5ad2c19b7e4c3d8a10ffee00112233" +
                hash);
  EXPECT_EQ(bytes(10, 11, key_of({ValueView::of_text("ab")}), false),
            "16"
            "02"
            "6162" +
                hash);
  EXPECT_EQ(bytes(10, 11, codec::multiset_key(std::string(codec::kContentDigest, 'd'), 200), false),
            "1a"
            "64646464646464646464646464646464"
            "c801" +
                hash);
}

TEST(Block, EveryCutIsCorruptionOrAShorterBlock) {
  const std::string block = encoded(extremes());
  std::vector<Record> decoded;
  size_t whole = 0;
  for (size_t cut = 0; cut < block.size(); ++cut) {
    const auto done = decode_block(std::string_view(block).substr(0, cut), INT64_MIN, decoded);
    if (done)
      ++whole;
    else {
      EXPECT_EQ(done.error().code, ErrorCode::kCorruption);
    }
  }
  EXPECT_EQ(whole, extremes().size());  // only at a record's end
}

TEST(Block, DamageIsNeverMoreThanCorruption) {
  const std::string block = encoded(extremes());
  std::mt19937 random(20251122);
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string damaged = block;
    for (size_t hits = 1 + random() % 8; hits > 0; --hits)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    damaged.resize(random() % 3 == 0 ? random() % damaged.size() : damaged.size());
    std::vector<Record> decoded;
    const auto done = decode_block(damaged, INT64_MIN, decoded);
    if (done) continue;
    EXPECT_EQ(done.error().code, ErrorCode::kCorruption);
    ++refused;
  }
  EXPECT_GT(refused, 1000);
}

TEST(Block, EndlessNumbersAndLyingLengthsAreRefused) {
  std::vector<Record> decoded;
  for (const std::string& bytes :
       {std::string(20, '\xFF'),  // no such form
        std::string("\xF0") + std::string(9, '\xFF') + '\x01' + std::string(40, 'x'),
        std::string("\x00\xFF\xFF\xFF\xFF\x7F", 6) + std::string(40, 'x'),  // a key beyond the end
        std::string("\x06\xFF\xFF\xFF\xFF\x7F", 6) + std::string(40, 'x'),
        std::string("\x04") + std::string(21, 'x'), std::string("\x0A") + std::string(16, 'x'),
        std::string("\x0A") + std::string(16, 'x') + std::string(5, '\xFF') + std::string("\x01") +
            std::string(9, 'x'),
        std::string("\x08") + std::string(30, '\xFF'), std::string("\xF0\x80", 2),
        std::string("\0\0\0", 3)}) {
    const auto done = decode_block(bytes, 0, decoded);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kCorruption);
  }
}

}  // namespace
}  // namespace syncnode::memory
