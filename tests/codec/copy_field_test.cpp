// The law of copy_field.h over the adversary's values, and what it says about each type.
#include "codec/copy_field.h"

#include <gtest/gtest.h>

#include <cctype>

#include "adversary.h"
#include "codec/bytes.h"
#include "codec/decimal.h"
#include "codec/json_text.h"

namespace syncnode::codec {
namespace {

constexpr TargetType kTypes[] = {TargetType::kBoolean, TargetType::kBigint, TargetType::kDouble,
                                 TargetType::kNumeric, TargetType::kText,   TargetType::kJson,
                                 TargetType::kBytea};

bool fits(TargetType type, const ValueView& value) {
  return misfit(type, value).empty();
}

TEST(CopyField, DecodesToTheSameValueOrRefuses) {
  for (TargetType type : kTypes) {
    for (const ValueView& value : test::values()) {
      SCOPED_TRACE(std::string(sql_name(type)) + " " + test::show(value));
      std::string field = "before";
      const std::string_view reason = append_field(field, type, value);
      EXPECT_EQ(reason, misfit(type, value));
      ASSERT_GE(field.size(), 10U);
      const auto length = read_big_endian<uint32_t>(field.data() + 6);
      if (value.is_null() || !reason.empty()) {
        EXPECT_EQ(value.is_null(), reason.empty());
        EXPECT_EQ(length, 0xFFFFFFFFU);
        EXPECT_EQ(field.size(), 10U);
        continue;
      }
      ASSERT_EQ(field.size(), 10U + length);
      const auto decoded = decode_field(type, std::string_view(field).substr(10));
      ASSERT_TRUE(decoded);
      EXPECT_TRUE(same_value(*decoded, value)) << test::show(*decoded);
    }
  }
}

TEST(CopyField, EveryClassHasATypeThatTakesItWhole) {
  for (int64_t value : test::integers()) EXPECT_TRUE(fits(TargetType::kBigint, ValueView::of_integer(value)));
  for (double value : test::reals()) EXPECT_TRUE(fits(TargetType::kDouble, ValueView::of_real(value)));
  for (const auto& value : test::texts()) EXPECT_TRUE(fits(TargetType::kBytea, ValueView::of_blob(value)));
  for (int64_t value : test::integers()) {
    EXPECT_TRUE(fits(TargetType::kNumeric, ValueView::of_integer(value)));
    EXPECT_TRUE(fits(TargetType::kJson, ValueView::of_integer(value)));
    EXPECT_EQ(fits(TargetType::kBoolean, ValueView::of_integer(value)), value == 0 || value == 1);
  }
}

TEST(CopyField, RealsThatWouldComeBackAsAnotherClassAreNoNumerics) {
  for (double value : {0.0, -0.0, 1.0, -1.0, 1e15, 0x1p53, -0x1p63, 0x1.fffffffffffffp62}) {
    EXPECT_FALSE(fits(TargetType::kNumeric, ValueView::of_real(value))) << value;
  }
  for (double value : {0.5, 1e20, 0x1p63, -0x1p64, 5e-324, DBL_MAX, 1e-300}) {
    EXPECT_TRUE(fits(TargetType::kNumeric, ValueView::of_real(value))) << value;
  }
  for (double value : test::reals()) {
    const bool finite = value - value == 0;
    EXPECT_EQ(fits(TargetType::kJson, ValueView::of_real(value)), finite) << value;
  }
}

TEST(CopyField, TextsPostgresCannotHoldAreRefused) {
  for (std::string_view text :
       {std::string_view("\0", 1), std::string_view("a\0b", 3), std::string_view("\x80"),
        std::string_view("\xC0\x80"), std::string_view("\xED\xA0\x80"), std::string_view("\xF4\x90\x80\x80"),
        std::string_view("\xC3"), std::string_view("1234567\x80")}) {
    EXPECT_FALSE(fits(TargetType::kText, ValueView::of_text(text))) << test::show(ValueView::of_text(text));
    EXPECT_FALSE(fits(TargetType::kJson, ValueView::of_text(text)));
  }
  for (std::string_view text : {"", "\xED\x9F\xBF", "\xF4\x8F\xBF\xBF", "-0", "1e5"}) {
    EXPECT_TRUE(fits(TargetType::kText, ValueView::of_text(text)));
  }
}

TEST(CopyField, NumberTextsInJsonAreAmbiguousOnlyWhereANumberLooksTheSame) {
  for (std::string_view text :
       {"0", "1", "-1", "1e5", "1.0", "-0.0", "1e400", "9223372036854775807", "-9223372036854775808"}) {
    EXPECT_FALSE(fits(TargetType::kJson, ValueView::of_text(text))) << text;
  }
  for (std::string_view text : {"-0", "9223372036854775808", "-9223372036854775809", "12345678901234567890",
                                " 1", "1 ", "true", "null", "\"1\"", "[1]", "{\"a\":1,\"a\":2}"}) {
    EXPECT_TRUE(fits(TargetType::kJson, ValueView::of_text(text))) << text;
    EXPECT_EQ(number_literal(text), NumberLiteral::kNone) << text;
  }
}

TEST(CopyField, DeepJsonIsRefusedWithoutRecursion) {
  const std::string deepest(kDeepestJson, '['), closed(kDeepestJson, ']');
  EXPECT_TRUE(is_postgres_json(deepest + closed));
  EXPECT_FALSE(is_postgres_json("[" + deepest + closed + "]"));
  EXPECT_FALSE(is_postgres_json(std::string(8 << 20, '[')));
}

// One allocation serves all three: the view is what grows.
TEST(CopyField, TheLargestFieldIs64MiB) {
  std::string bytes(kLargestField + 1, 'x');
  bytes.front() = bytes[kLargestField - 1] = '"';
  const auto view = [&](size_t size) { return std::string_view(bytes).substr(0, size); };
  EXPECT_TRUE(fits(TargetType::kBytea, ValueView::of_blob(view(kLargestField))));
  EXPECT_FALSE(fits(TargetType::kBytea, ValueView::of_blob(view(kLargestField + 1))));
  EXPECT_TRUE(fits(TargetType::kText, ValueView::of_text(view(kLargestField))));
  EXPECT_FALSE(fits(TargetType::kText, ValueView::of_text(view(kLargestField + 1))));
  EXPECT_TRUE(fits(TargetType::kJson, ValueView::of_text(view(kLargestField))));
  std::string field;
  EXPECT_FALSE(append_field(field, TargetType::kText, ValueView::of_text(bytes)).empty());
  EXPECT_EQ(field.size(), 4U);
}

TEST(CopyField, WhatEncodeNeverMakesIsNotDecoded) {
  EXPECT_FALSE(decode_field(TargetType::kBoolean, ""));
  EXPECT_FALSE(decode_field(TargetType::kBoolean, "ab"));
  EXPECT_FALSE(decode_field(TargetType::kBigint, "1234567"));
  EXPECT_FALSE(decode_field(TargetType::kDouble, "123456789"));
  EXPECT_FALSE(decode_field(TargetType::kNumeric, "1234567"));
  EXPECT_FALSE(decode_field(TargetType::kNumeric, std::string_view("\0\0\0\0\xC0\0\0\0", 8)));  // NaN
  EXPECT_FALSE(decode_field(TargetType::kNumeric, std::string_view("\0\2\0\0\0\0\0\0\0\1", 10)));
}

TEST(Decimal, RealLiteralsReadBackToTheSameBits) {
  for (double value : test::reals()) {
    const std::string literal = real_literal(value);
    EXPECT_NE(literal.find_first_of(".en"), std::string::npos) << literal;
    EXPECT_TRUE(same_value(ValueView::of_real(read_real(literal)), ValueView::of_real(value))) << literal;
  }
}

TEST(Decimal, PlainDecimalMovesThePoint) {
  EXPECT_EQ(plain_decimal("1e+20"), "100000000000000000000");
  EXPECT_EQ(plain_decimal("-1.5e-3"), "-0.0015");
  EXPECT_EQ(plain_decimal("1.0"), "1");
  EXPECT_EQ(plain_decimal("-0.0"), "-0");
  EXPECT_EQ(plain_decimal("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(plain_decimal("12.50"), "12.5");
  EXPECT_EQ(plain_decimal("5e-324").size(), 326U);
}

TEST(TargetTypes, NamesAreTheirInverse) {
  for (TargetType type : kTypes) EXPECT_EQ(target_type_of(sql_name(type)), type);
  EXPECT_FALSE(target_type_of("timestamp"));
  EXPECT_FALSE(target_type_of(""));
}

// Strings are looked at eight bytes at a time: each byte at each place of two words, beside each neighbour
// that could hide it.
TEST(JsonText, EveryByteAtEveryPlaceOfAString) {
  for (int byte = 1; byte < 128; ++byte) {
    for (size_t at = 0; at < 17; ++at) {
      for (const char beside : {'x', '\x20', '\x7f', '#', '!', '[', ']'}) {
        std::string text = "\"" + std::string(17, beside) + "\"";
        text[1 + at] = static_cast<char>(byte);
        const bool ends = byte == '"';  // what follows it is no JSON
        const bool wrong = byte < 0x20 || byte == '\\' || ends;
        EXPECT_EQ(is_postgres_json(text), !wrong || (ends && at == 17)) << byte << " at " << at;
      }
    }
  }
}

TEST(JsonText, EscapesAtEveryPlaceOfAString) {
  for (size_t at = 0; at < 20; ++at) {
    for (const std::string escape : {"\\\"", "\\\\", "\\n", "\\u00e9", "\xC3\xA9", "\xF0\x9F\x98\x80"}) {
      const std::string text = "\"" + std::string(at, 'x') + escape + std::string(20 - at, 'y') + "\"";
      EXPECT_TRUE(is_postgres_json(text)) << text;
      EXPECT_FALSE(is_postgres_json(text.substr(0, text.size() - 1))) << text;
    }
    EXPECT_FALSE(is_postgres_json("\"" + std::string(at, 'x') + "\\")) << at;
    EXPECT_FALSE(is_postgres_json("\"" + std::string(at, 'x'))) << at;
  }
}

TEST(JsonText, EveryEscapeIsLookedAtWhereverItStandsAmongOthers) {
  const std::string one = "\\u00e9";
  for (const size_t before : {0U, 1U, 2U, 5U}) {
    std::string others;
    for (size_t i = 0; i < before; ++i) others += i % 2 == 0 ? one : "\\n";
    for (int byte = 1; byte < 128; ++byte) {
      const char c = static_cast<char>(byte);
      for (size_t place = 2; place < 6; ++place) {  // of the four digits
        std::string changed = one;
        changed[place] = c;
        EXPECT_EQ(is_postgres_json("\"" + others + changed + "\\t\""), std::isxdigit(byte) != 0)
            << byte << " at " << place;
      }
      if (c == 'u') continue;
      const bool known = std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos;
      EXPECT_EQ(is_postgres_json("\"" + others + "\\" + c + "\\t\""), known) << byte;
    }
    const std::string whole = "\"" + others + one + "\"";
    for (size_t size = 0; size < whole.size(); ++size)
      EXPECT_FALSE(is_postgres_json(whole.substr(0, size))) << whole.substr(0, size);
  }
}

}  // namespace
}  // namespace syncnode::codec
