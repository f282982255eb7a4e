#include "conflict/moment.h"

#include <gtest/gtest.h>

namespace syncnode::conflict {
namespace {

constexpr int64_t kSecond = 1000000000;
const Instant kNow{std::chrono::seconds(1712400000)};

struct Read {
  const char* value;
  int64_t nanoseconds;
  int64_t granule;
  const char* unit;
};

TEST(AMoment, IsReadInItsOwnUnit) {
  const Read table[] = {
      {"1712345678", 1712345678 * kSecond, kSecond, "seconds"},
      {"1712345678123", 1712345678123 * 1000000, 1000000, "milliseconds"},
      {"1712345678123456", 1712345678123456 * 1000, 1000, "microseconds"},
      {"1712345678123456789", 1712345678123456789, 1, "nanoseconds"},
      {"\"1712345678123456789\"", 1712345678123456789, 1, "nanoseconds"},
      {"1712345678.25", 1712345678 * kSecond + 250000000, 1000, "seconds"},
      {"1712345678123.5", 1712345678123 * 1000000 + 500000, 1000, "milliseconds"},
      {"\"1712345678\"", 1712345678 * kSecond, kSecond, "seconds"},
      {"\"1712345678.25\"", 1712345678 * kSecond + 250000000, 1000, "seconds"},
      {"\"2024-04-05T19:34:38\"", 1712345678 * kSecond, kSecond, "ISO 8601"},
      {"\"2024-04-05 19:34:38Z\"", 1712345678 * kSecond, kSecond, "ISO 8601"},
      {"\"2024-04-05T21:34:38+02:00\"", 1712345678 * kSecond, kSecond, "ISO 8601"},
      {"\"2024-04-05T14:04:38-0530\"", 1712345678 * kSecond, kSecond, "ISO 8601"},
      {"\"2024-04-05T21:34:38+02\"", 1712345678 * kSecond, kSecond, "ISO 8601"},
      {"\"2024-04-05 19:34:38.5\"", 1712345678 * kSecond + 500000000, 1000000, "ISO 8601"},
      {"\"2024-04-05T19:34:38.123456+00:00\"", 1712345678 * kSecond + 123456000, 1000, "ISO 8601"},
      {"\"2024-04-05T19:34:38.1234567891\"", 1712345678 * kSecond + 123456789, 1, "ISO 8601"},
      {"\"2024-04-05T19:34\"", 1712345640 * kSecond, 60 * kSecond, "ISO 8601"},
      {"\"2024-02-29\"", 1709164800 * kSecond, 86400 * kSecond, "ISO 8601"},
      // the edges of the units
      {"99999999999", INT64_MAX, kSecond, "seconds"},
      {"100000000000", 100000000000 * 1000000, 1000000, "milliseconds"},
      {"99999999999999", INT64_MAX, 1000000, "milliseconds"},
      {"100000000000000", 100000000000000 * 1000, 1000, "microseconds"},
      {"100000000000000000", 100000000000000000, 1, "nanoseconds"},
      {"18446744073709551615", INT64_MAX, 1, "nanoseconds"},
  };
  for (const auto& row : table) {
    const Json value = Json::parse(row.value);
    const auto moment = read_moment(&value);
    ASSERT_TRUE(moment) << row.value;
    EXPECT_EQ(moment->at.time_since_epoch().count(), row.nanoseconds) << row.value;
    EXPECT_EQ(moment->granule.count(), row.granule) << row.value;
    EXPECT_EQ(moment->unit, row.unit) << row.value;
  }
}

TEST(AMoment, IsNotReadFromAnythingElse) {
  for (const char* text : {"null",
                           "true",
                           "0",
                           "-5",
                           "0.0",
                           "-1712345678.5",
                           "\"\"",
                           "\"yesterday\"",
                           "\"NaN\"",
                           "\"Infinity\"",
                           "\"1e9\"",
                           "\"12.\"",
                           "\".5\"",
                           "\" 1712345678\"",
                           "\"-1\"",
                           "[1712345678]",
                           "{\"at\":1712345678}",
                           "\"2023-02-29\"",
                           "\"2024-13-01\"",
                           "\"2024-04-05T25:00:00\"",
                           "\"2024-04-05T10:61\"",
                           "\"2024-04-05T10:20:30.\"",
                           "\"2024-04-05T10:20:30+2\"",
                           "\"2024-04-05 10:20:30 UTC\"",
                           "\"05/04/2024\"",
                           "\"2024-W14-5\"",
                           "\"1960-01-01\"",
                           "\"2024-04-05T\""}) {
    const Json value = Json::parse(text);
    EXPECT_FALSE(read_moment(&value)) << text;
  }
  EXPECT_FALSE(read_moment(nullptr));
}

struct Pair {
  const char* source;
  const char* target;
  Newer newer;
  const char* reason;
};

TEST(TwoTimes, AreComparedByTheWrittenRule) {
  const Pair table[] = {
      {"1712345679", "1712345678", Newer::kSource,
       "source 1712345679 (seconds) is newer than target 1712345678 (seconds)"},
      {"1712345678", "1712345679", Newer::kTarget,
       "target 1712345679 (seconds) is newer than source 1712345678 (seconds)"},
      {"1712345678", "1712345678", Newer::kTie,
       "source 1712345678 (seconds) and target 1712345678 (seconds) are the same time"},
      // units differ: the coarser one counts
      {"1712345678", "1712345678999", Newer::kTie,
       "source 1712345678 (seconds) and target 1712345678999 (milliseconds) are the same time"},
      {"1712345678", "1712345679001", Newer::kTarget,
       "target 1712345679001 (milliseconds) is newer than source 1712345678 (seconds)"},
      {"1712345678000000002", "1712345678000000001", Newer::kSource,
       "source 1712345678000000002 (nanoseconds) is newer than target 1712345678000000001 (nanoseconds)"},
      {"\"2024-04-05T19:34:38.5Z\"", "1712345678123", Newer::kSource,
       "source 2024-04-05T19:34:38.5Z (ISO 8601) is newer than target 1712345678123 (milliseconds)"},
      {"1712345678.25", "1712345678.75", Newer::kTarget,
       "target 1712345678.75 (seconds) is newer than source 1712345678.25 (seconds)"},
      // missing
      {"null", "1712345678", Newer::kTarget, "target 1712345678 (seconds), source has no time (nothing)"},
      {"1712345678", "\"soon\"", Newer::kSource,
       "source 1712345678 (seconds), target has no time (\"soon\")"},
      {"0", "null", Newer::kUnknown, "source has no time (0), target has no time (nothing)"},
      // 24 h ahead is believed, a second more is not
      {"1712486400", "1712345678", Newer::kSource,
       "source 1712486400 (seconds) is newer than target 1712345678 (seconds)"},
      {"1712486401", "1712345678", Newer::kTarget,
       "target 1712345678 (seconds), source 1712486401 (seconds) lies more than 24 h in the future and is "
       "not "
       "believed"},
  };
  for (const auto& row : table) {
    const Json source = Json::parse(row.source);
    const Json target = Json::parse(row.target);
    const auto found = compare_times(&source, &target, kNow);
    EXPECT_EQ(found.newer, row.newer) << row.source << " " << row.target;
    EXPECT_EQ(found.reason, row.reason);
  }
}

TEST(AChange, IsLaterThanTheBaseOnlyForCertain) {
  const Json earlier = 1712345678;
  const Json later = 1712345679;
  const Json same_second = 1712345678500;
  const Json future = 1999999999;
  EXPECT_TRUE(is_later_than_base(&later, &earlier, kNow));
  EXPECT_FALSE(is_later_than_base(&earlier, &later, kNow));
  EXPECT_FALSE(is_later_than_base(&earlier, &earlier, kNow));
  EXPECT_FALSE(is_later_than_base(&same_second, &earlier, kNow));
  EXPECT_FALSE(is_later_than_base(&future, &earlier, kNow));
  EXPECT_FALSE(is_later_than_base(&later, nullptr, kNow));
  EXPECT_FALSE(is_later_than_base(nullptr, &earlier, kNow));
}

}  // namespace
}  // namespace syncnode::conflict
