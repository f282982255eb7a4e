// Row hashes: blind to column order and NULLs, and to nothing else.
#include "codec/row_hash.h"

#include <gtest/gtest.h>

#include <map>

#include "adversary.h"

namespace syncnode::codec {
namespace {

constexpr uint64_t kSeed = 0x0123456789ABCDEFULL;

TEST(RowHash, EveryValueHashesApartAndNullsCountNothing) {
  std::map<std::string, std::string> seen;
  for (uint32_t column : {1U, 2U, 320U, 2000U}) {
    for (const ValueView& value : test::values()) {
      const RowHash hash = column_hash(kSeed, column, value);
      EXPECT_EQ(hash == RowHash{}, value.is_null());
      if (value.is_null()) continue;
      const std::string name = std::to_string(column) + " " + test::show(value);
      const auto [place, added] = seen.emplace(to_hex(hash), name);
      EXPECT_TRUE(added) << name << " and " << place->second;
    }
  }
}

TEST(RowHash, TheOrderOfColumnsDoesNotCount) {
  RowHash forward, backward;
  const auto all = test::values();
  for (size_t i = 0; i < all.size(); ++i) forward += column_hash(kSeed, static_cast<uint32_t>(i), all[i]);
  for (size_t i = all.size(); i-- > 0;) backward += column_hash(kSeed, static_cast<uint32_t>(i), all[i]);
  EXPECT_EQ(forward, backward);
  RowHash without = forward;
  without -= column_hash(kSeed, 1, all[1]);
  EXPECT_NE(without, forward);
  without += column_hash(kSeed, 1, all[1]);
  EXPECT_EQ(without, forward);
}

TEST(RowHash, SwappedValuesAndOtherSeedsDiffer) {
  const auto one = ValueView::of_integer(1), two = ValueView::of_integer(2);
  RowHash straight = column_hash(kSeed, 1, one), swapped = column_hash(kSeed, 1, two);
  straight += column_hash(kSeed, 2, two);
  swapped += column_hash(kSeed, 2, one);
  EXPECT_NE(straight, swapped);
  EXPECT_NE(column_hash(kSeed, 1, one), column_hash(kSeed + 1, 1, one));
}

TEST(RowHash, EntriesBindKeyAndContent) {
  const RowHash a = bytes_hash(kSeed, "a"), b = bytes_hash(kSeed, "b");
  EXPECT_NE(entry_hash(kSeed, "k", a), entry_hash(kSeed, "k", b));
  EXPECT_NE(entry_hash(kSeed, "k", a), entry_hash(kSeed, "l", a));
}

TEST(RowHash, SixteenBytesThereAndBack) {
  const RowHash hash{0x1122334455667788ULL, 0x99AABBCCDDEEFF00ULL};
  std::string bytes;
  append_row_hash(bytes, hash);
  EXPECT_EQ(bytes.size(), kRowHashBytes);
  EXPECT_EQ(read_row_hash(bytes.data()), hash);
  EXPECT_EQ(to_hex(hash), "99aabbccddeeff001122334455667788");
}

}  // namespace
}  // namespace syncnode::codec
