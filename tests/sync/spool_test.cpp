// The spool and its records: in order, whole, any size; a torn end is an error and never a short record.
#include "sync/spool.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace syncnode::sync {
namespace {

Spool spool() {
  return Spool(std::filesystem::temp_directory_path().string());
}

TEST(Spool, AnEmptyOneEndsAtOnce) {
  Spool empty = spool();
  ASSERT_TRUE(empty.rewind());
  EXPECT_EQ(*empty.read(10), "");
  RecordReader reader(empty);
  std::string_view record;
  auto more = reader.next(record);
  ASSERT_TRUE(more);
  EXPECT_FALSE(*more);
}

TEST(Spool, RecordsOfAllSizesComeBackInOrder) {
  Spool written = spool();
  std::vector<size_t> sizes;
  for (size_t size = 0; size < 3000; ++size) sizes.push_back(size % 257);
  for (size_t size : {(size_t{256} << 10) - 8, size_t{256} << 10, (size_t{256} << 10) + 1, size_t{3} << 20,
                      size_t{0}, size_t{1}})
    sizes.push_back(size);
  uint64_t total = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    ASSERT_TRUE(append_record(written, std::string(sizes[i], static_cast<char>(i))));
    total += 8 + sizes[i];
  }
  EXPECT_EQ(written.size(), total);
  for (int pass = 0; pass < 2; ++pass) {
    ASSERT_TRUE(written.rewind());
    RecordReader reader(written);
    std::string_view record;
    for (size_t i = 0; i < sizes.size(); ++i) {
      auto more = reader.next(record);
      ASSERT_TRUE(more && *more);
      ASSERT_EQ(record.size(), sizes[i]);
      ASSERT_EQ(record.find_first_not_of(static_cast<char>(i)), std::string_view::npos);
    }
    auto more = reader.next(record);
    ASSERT_TRUE(more);
    EXPECT_FALSE(*more);
  }
}

TEST(Spool, ATornRecordIsAnError) {
  for (const std::string& tail : {std::string("\5"), std::string(7, '\0'),
                                  std::string("\5\0\0\0\0\0\0\0abcd", 12), std::string(8, '\xFF')}) {
    Spool torn = spool();
    ASSERT_TRUE(append_record(torn, "whole"));
    ASSERT_TRUE(torn.append(tail));
    ASSERT_TRUE(torn.rewind());
    RecordReader reader(torn);
    std::string_view record;
    auto more = reader.next(record);
    ASSERT_TRUE(more && *more);
    EXPECT_EQ(record, "whole");
    more = reader.next(record);
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().code, ErrorCode::kInternal);
  }
}

TEST(Spool, WhatFitsTheBufferNeedsNoFileAndMoreSaysThatItCannotBeMade) {
  Spool nowhere("/nowhere/at/all");
  ASSERT_TRUE(append_record(nowhere, "small"));
  ASSERT_TRUE(nowhere.rewind());
  for (int pass = 0; pass < 2; ++pass) {
    ASSERT_TRUE(nowhere.rewind());
    EXPECT_EQ(nowhere.read(9)->size(), 9U);
    EXPECT_EQ(*nowhere.read(100), "mall");
    EXPECT_EQ(*nowhere.read(100), "");
  }
  Spool full("/nowhere/at/all");
  EXPECT_EQ(append_record(full, std::string(size_t{256} << 10, 'x')).error().code,
            ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace syncnode::sync
