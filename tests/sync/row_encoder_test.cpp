// Rows as they travel: keys that fit or do not, values set apart, and the spool's form of a row.
#include "sync/row_encoder.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "codec/adversary.h"
#include "codec/copy_field.h"

namespace syncnode::sync {
namespace {

using codec::TargetType;

CopyTable table_of(KeyKind kind, std::vector<std::string> keys) {
  CopyTable table;
  table.name = table.target = "t";
  table.key_kind = kind;
  table.key_columns = std::move(keys);
  table.columns = {{1, "a", "", "a", TargetType::kBigint},
                   {2, "b", "", "b", TargetType::kText},
                   {3, "c", "", "c", TargetType::kText, false}};
  return table;
}

TEST(RowEncoder, PlainKeysAreRefusedWhereTheyDoNotFit) {
  const CopyTable table = table_of(KeyKind::kPlain, {"b", "a"});
  const RowEncoder encoder(table, 1);
  std::string key;
  const auto fits = [&](ValueView a, ValueView b) {
    const ValueView row[] = {a, b, ValueView::null()};
    return encoder.key(row, 9, key);
  };
  const std::string long_text(600, 'x');
  EXPECT_TRUE(fits(ValueView::of_integer(5), ValueView::of_text("k")));
  EXPECT_EQ(to_hex(key),
            "03000000016b"
            "010000000000000005");  // in key order
  EXPECT_FALSE(fits(ValueView::null(), ValueView::of_text("k")));
  EXPECT_FALSE(fits(ValueView::of_integer(5), ValueView::null()));
  EXPECT_FALSE(fits(ValueView::of_real(5.0), ValueView::of_text("k")));
  EXPECT_FALSE(fits(ValueView::of_integer(5), ValueView::of_blob("k")));
  EXPECT_FALSE(fits(ValueView::of_integer(5), ValueView::of_text("\xFF")));
  EXPECT_FALSE(fits(ValueView::of_integer(5), ValueView::of_text(long_text)));
}

TEST(RowEncoder, EncodedKeysTakeEverything) {
  const CopyTable table = table_of(KeyKind::kEncoded, {"b"});
  const RowEncoder encoder(table, 1);
  std::string key;
  for (const ValueView& value : test::values()) {
    const ValueView row[] = {ValueView::null(), value, ValueView::null()};
    ASSERT_TRUE(encoder.key(row, 9, key));
    EXPECT_LE(key.size(), 512U);
    if (value.is_null()) {
      EXPECT_EQ(to_hex(key),
                "00"
                "060000000000000009");
    }
  }
}

TEST(RowEncoder, WhatDoesNotFitIsSetApart) {
  const CopyTable table = table_of(KeyKind::kPlain, {"a"});
  const RowEncoder encoder(table, 1);
  EncodedRow out;
  for (const ValueView& value : test::values()) {
    SCOPED_TRACE(test::show(value));
    const ValueView row[] = {ValueView::of_integer(1), value, value};
    encoder.encode(row, out);
    const bool text_fits = value.is_null() || codec::misfit(TargetType::kText, value).empty();
    EXPECT_EQ(out.quarantined.size(), (text_fits ? 0U : 1U) + (value.is_null() ? 0U : 1U));
    EXPECT_EQ(encoder.has_misfit(row), !out.quarantined.empty());
    for (const auto& apart : out.quarantined) {
      EXPECT_EQ(apart.storage_class, value.storage_class);
      EXPECT_EQ(apart.bytes, stored_bytes(value));
      EXPECT_FALSE(apart.reason.empty());
    }
    std::string fields;
    codec::append_field(fields, TargetType::kBigint, row[0]);
    codec::append_field(fields, TargetType::kText, value);
    EXPECT_EQ(out.fields, fields);
  }
  EXPECT_EQ(to_hex(stored_bytes(ValueView::of_integer(-1))), "ffffffffffffffff");
  EXPECT_EQ(to_hex(stored_bytes(ValueView::of_real(1.0))), "3ff0000000000000");
}

EncodedRow sample() {
  static const std::string kKey("key\0with", 8);
  EncodedRow row;
  row.key = kKey;
  row.fields = std::string(1000, '\x02');
  row.quarantined.push_back({2, StorageClass::kText, std::string("\xFF\0", 2), "one reason"});
  row.quarantined.push_back({70000, StorageClass::kReal, std::string(8, 'r'), ""});
  row.quarantined.push_back({0, StorageClass::kBlob, "", "empty"});
  return row;
}

TEST(SpooledRow, ComesBack) {
  std::string bytes = "left over";
  serialize(sample(), bytes);
  EncodedRow back;
  back.quarantined.resize(9);
  ASSERT_TRUE(deserialize(bytes, back));
  EXPECT_EQ(back.key, sample().key);
  EXPECT_EQ(back.fields, sample().fields);
  ASSERT_EQ(back.quarantined.size(), 3U);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(back.quarantined[i].column, sample().quarantined[i].column);
    EXPECT_EQ(back.quarantined[i].storage_class, sample().quarantined[i].storage_class);
    EXPECT_EQ(back.quarantined[i].bytes, sample().quarantined[i].bytes);
    EXPECT_EQ(back.quarantined[i].reason, sample().quarantined[i].reason);
  }
}

TEST(SpooledRow, EveryCutIsTornOrAShorterRow) {
  std::string bytes;
  serialize(sample(), bytes);
  int whole = 0;
  EncodedRow back;
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    const auto done = deserialize(std::string_view(bytes).substr(0, cut), back);
    if (done)
      ++whole;
    else {
      EXPECT_EQ(done.error().code, ErrorCode::kInternal);
    }
  }
  EXPECT_EQ(whole, 3);  // before each quarantined value
}

}  // namespace
}  // namespace syncnode::sync
