#include "cli/text.h"

#include <gtest/gtest.h>

namespace syncnode::cli {
namespace {

TEST(Text, WritesCountsSizesAndTimesForPeople) {
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1234567), "1,234,567");
  EXPECT_EQ(count_text(-1234), "-1,234");
  EXPECT_EQ(count_text(-123), "-123");
  EXPECT_EQ(bytes_text(999), "999 B");
  EXPECT_EQ(bytes_text(45200000), "45.2 MB");
  EXPECT_EQ(bytes_text(999960), "1.0 MB");
  EXPECT_EQ(seconds_text(0.421), "0.42 s");
  EXPECT_EQ(seconds_text(12.34), "12.3 s");
  EXPECT_EQ(seconds_text(245), "4 min 05 s");
  EXPECT_EQ(seconds_text(7800), "2 h 10 min");
  EXPECT_EQ(age_text(-5), "now");
  EXPECT_EQ(age_text(42), "42 s ago");
  EXPECT_EQ(age_text(400), "6 min ago");
  EXPECT_EQ(age_text(200000), "2 days ago");
}

TEST(Text, ShowsNothingATerminalWouldObey) {
  EXPECT_EQ(printable("plain ünïcode 表"), "plain ünïcode 表");
  EXPECT_EQ(printable("\033[2J\a\r\n"), "\\x1b[2J\\x07\\x0d\\x0a");
  EXPECT_EQ(printable("a\xff"), "a\\xff");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");           // C1 control sequence introducer
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\xe2\\x80\\xae");  // right-to-left override
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");           // cut short
}

TEST(Text, MeasuresAndCutsByColumns) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("表é"), 3u);
  EXPECT_EQ(fit("abc", 3), "abc");
  EXPECT_EQ(fit("/var/lib/docker/volumes/acme/webui.db", 15), "/var/li…ebui.db");
  EXPECT_EQ(fit("表表表表表表", 7), "表…表");  // half a character cannot be shown
  EXPECT_EQ(fit("abc", 1), "…");
  EXPECT_EQ(fit("abc", 0), "");
}

}  // namespace
}  // namespace syncnode::cli
