// Values that break careless codecs: one list for every law of codec/. Refuses randomness: a failure names
// its value. The views borrow static bytes. Any thread.
#pragma once

#include <cfloat>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/hex.h"
#include "model/value.h"

namespace syncnode::test {

using namespace std::string_view_literals;

inline const std::vector<int64_t>& integers() {
  static const std::vector<int64_t> kList = {0,
                                             1,
                                             -1,
                                             2,
                                             9999,
                                             10000,
                                             -10000,
                                             99999999,
                                             100000000,
                                             1LL << 53,
                                             (1LL << 53) + 1,
                                             INT64_MAX,
                                             INT64_MAX - 1,
                                             INT64_MIN,
                                             INT64_MIN + 1,
                                             1000000000000000000LL};
  return kList;
}

inline const std::vector<double>& reals() {
  static const double kInfinity = std::numeric_limits<double>::infinity();
  static const std::vector<double> kList = {0.0,
                                            -0.0,
                                            1.0,
                                            -1.0,
                                            0.1,
                                            0.5,
                                            -2.5,
                                            1.0 / 3,
                                            1e15,
                                            1e16,
                                            1e20,
                                            -1e20,
                                            1e22,
                                            1e23,
                                            123456.789,
                                            0x1p53,
                                            0x1p53 + 2,
                                            0x1p63,
                                            -0x1p63,
                                            0x1.fffffffffffffp62,
                                            0x1p64,
                                            5e-324,
                                            -5e-324,
                                            1e-5,
                                            9999.5,
                                            10000.0001,
                                            DBL_MIN,
                                            DBL_MAX,
                                            -DBL_MAX,
                                            DBL_EPSILON,
                                            2.2250738585072011e-308,
                                            4.35,
                                            1e-4,
                                            1e-300,
                                            1e300,
                                            kInfinity,
                                            -kInfinity};
  return kList;
}

inline const std::vector<std::string>& texts() {
  static const std::vector<std::string> kList = {"",
                                                 " ",
                                                 "a",
                                                 "0",
                                                 "1",
                                                 "-0",
                                                 "-1",
                                                 "+1",
                                                 "00",
                                                 "01",
                                                 "1e5",
                                                 "1E5",
                                                 "1.0",
                                                 "-0.0",
                                                 "1.",
                                                 ".5",
                                                 "0x10",
                                                 "1e400",
                                                 "1e-400",
                                                 "9223372036854775807",
                                                 "9223372036854775808",
                                                 "-9223372036854775808",
                                                 "-9223372036854775809",
                                                 "12345678901234567890",
                                                 " 1",
                                                 "1 ",
                                                 "1\n",
                                                 "NaN",
                                                 "Infinity",
                                                 "true",
                                                 "True",
                                                 "false",
                                                 "null",
                                                 "\"\"",
                                                 "\"a\"",
                                                 "\"\\u0000\"",
                                                 "\"\\ud800\"",
                                                 "\"\\ud83d\\ude00\"",
                                                 "\"\\x\"",
                                                 "\"\t\"",
                                                 "\"open",
                                                 "{}",
                                                 "[]",
                                                 "[1,]",
                                                 "{\"a\":1}",
                                                 "{\"a\":1,\"a\":2}",
                                                 "{a:1}",
                                                 "[1 2]",
                                                 "[[]]",
                                                 "{} {}",
                                                 "\\x00",
                                                 "it's",
                                                 "a\\b",
                                                 "\xEF\xBB\xBF{}",
                                                 std::string("\0", 1),
                                                 std::string("a\0b", 3),
                                                 "\x80",
                                                 "\xC0\x80",
                                                 "\xC3",
                                                 "\xED\xA0\x80",
                                                 "\xED\x9F\xBF",
                                                 "\xEE\x80\x80",
                                                 "\xF4\x8F\xBF\xBF",
                                                 "\xF4\x90\x80\x80",
                                                 "\xF8\x88\x80\x80\x80",
                                                 "\xFF\xFE",
                                                 "\xC3\xA9",
                                                 "1234567\x80",
                                                 std::string("1234567\0", 8),
                                                 std::string(512, '[') + std::string(512, ']'),
                                                 std::string(513, '[') + std::string(513, ']'),
                                                 std::string(100000, '['),
                                                 std::string(1000, '9')};
  return kList;
}

inline std::vector<ValueView> values() {
  std::vector<ValueView> all = {ValueView::null()};
  for (int64_t value : integers()) all.push_back(ValueView::of_integer(value));
  for (double value : reals()) all.push_back(ValueView::of_real(value));
  for (const auto& value : texts()) all.push_back(ValueView::of_text(value));
  for (const auto& value : texts()) all.push_back(ValueView::of_blob(value));
  return all;
}

// For failure messages.
inline std::string show(const ValueView& value) {
  std::string out(to_string(value.storage_class));
  if (value.storage_class == StorageClass::kInteger) return out + " " + std::to_string(value.integer);
  if (value.storage_class == StorageClass::kReal) return out + " " + std::to_string(value.real);
  return out + " " + to_hex(value.bytes.substr(0, 40)) + " (" + std::to_string(value.bytes.size()) +
         " bytes)";
}

}  // namespace syncnode::test
