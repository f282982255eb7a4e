// Row keys: the bytes docs/FORMATS.md promises, and what makes two of them differ.
#include "codec/row_key.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "adversary.h"
#include "base/hex.h"
#include "codec/sha256.h"

namespace syncnode::codec {
namespace {

std::string key_of(const ValueView& value) {
  std::string key;
  append_key_value(key, value);
  return key;
}

TEST(RowKey, GoldenBytes) {
  EXPECT_EQ(to_hex(key_of(ValueView::null())), "00");
  EXPECT_EQ(to_hex(key_of(ValueView::of_integer(1))), "010000000000000001");
  EXPECT_EQ(to_hex(key_of(ValueView::of_integer(-2))), "01fffffffffffffffe");
  EXPECT_EQ(to_hex(key_of(ValueView::of_real(1.0))), "023ff0000000000000");
  EXPECT_EQ(to_hex(key_of(ValueView::of_real(-0.0))), "028000000000000000");
  EXPECT_EQ(to_hex(key_of(ValueView::of_text("ab"))), "03000000026162");
  EXPECT_EQ(to_hex(key_of(ValueView::of_blob(""))), "0400000000");
  std::string key = key_of(ValueView::null());
  append_key_value(key, ValueView::of_text("x"));
  append_key_rowid(key, -1);
  EXPECT_EQ(to_hex(key),
            "00030000000178"
            "06ffffffffffffffff");
}

TEST(RowKey, ValuesComeBackAndNoTwoShareAKey) {
  std::map<std::string, std::string> seen;
  for (const ValueView& value : test::values()) {
    const std::string key = key_of(value);
    const auto [place, added] = seen.emplace(key, test::show(value));
    EXPECT_TRUE(added) << test::show(value) << " and " << place->second;
    const auto back = key_values(key);
    ASSERT_TRUE(back && back->size() == 1) << test::show(value);
    EXPECT_TRUE(same_value(back->front(), value)) << test::show(value);
  }
}

// What would be ambiguous without lengths and classes.
TEST(RowKey, CompositesDoNotRunTogether) {
  const auto both = [](std::string_view left, std::string_view right) {
    return key_of(ValueView::of_text(left)) + key_of(ValueView::of_text(right));
  };
  EXPECT_NE(both("a", "bc"), both("ab", "c"));
  EXPECT_NE(both("", "abc"), both("abc", ""));
  EXPECT_NE(key_of(ValueView::of_text("a")), key_of(ValueView::of_blob("a")));
  EXPECT_NE(key_of(ValueView::of_integer(1)), key_of(ValueView::of_real(1.0)));
  const std::string key = both("a", "bc");
  const auto values = key_values(key);
  ASSERT_TRUE(values && values->size() == 2);
  EXPECT_EQ(values->at(1).bytes, "bc");
}

TEST(RowKey, BoundedAt512Bytes) {
  for (const auto& [length, bounded] :
       std::map<size_t, bool>{{506, false}, {507, false}, {508, true}, {100000, true}}) {
    const std::string text(length, 'k');
    const std::string whole = key_of(ValueView::of_text(text));
    std::string key = whole;
    bound_key(key);
    EXPECT_LE(key.size(), kLongestKey);
    if (!bounded) {
      EXPECT_EQ(key, whole);
      continue;
    }
    EXPECT_EQ(key, "\xFF" + sha256(whole));
    EXPECT_FALSE(key_values(key));
  }
}

TEST(RowKey, DamagedKeysHaveNoValues) {
  for (const ValueView& value : test::values()) {
    const std::string key = key_of(value);
    if (key.size() > 600) continue;
    for (size_t cut = 1; cut < key.size(); ++cut) {
      EXPECT_FALSE(key_values(std::string_view(key).substr(0, cut)))
          << test::show(value) << " cut at " << cut;
    }
  }
  std::string with_rowid = key_of(ValueView::null());
  append_key_rowid(with_rowid, 7);
  EXPECT_FALSE(key_values(with_rowid));
  EXPECT_FALSE(key_values("\x05"));
}

TEST(RowKey, MultisetsNumberEqualRows) {
  std::string content, reordered, with_null;
  append_content_value(content, 1, ValueView::of_integer(5));
  append_content_value(content, 2, ValueView::of_text("x"));
  append_content_value(with_null, 1, ValueView::of_integer(5));
  append_content_value(with_null, 3, ValueView::null());
  append_content_value(with_null, 2, ValueView::of_text("x"));
  EXPECT_EQ(content, with_null);
  EXPECT_EQ(to_hex(content),
            "00000001"
            "010000000000000005"
            "00000002"
            "030000000178");
  append_content_value(reordered, 2, ValueView::of_integer(5));
  append_content_value(reordered, 1, ValueView::of_text("x"));
  EXPECT_NE(content_digest(content), content_digest(reordered));
  EXPECT_EQ(content_digest(content), sha256(content).substr(0, 16));
  EXPECT_EQ(to_hex(multiset_key(std::string(16, '\1'), 258)),
            "01010101010101010101010101010101"
            "00000102");
}

TEST(Sha256, KnownAnswer) {
  EXPECT_EQ(to_hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace syncnode::codec
