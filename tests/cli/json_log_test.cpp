#include "daemon/json_log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "json/json.h"

namespace syncnode::daemon {
namespace {

TEST(AJsonLog, WritesOneObjectPerLineWhateverTheMessage) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  JsonLog log(ends[1], LogLevel::kInfo);
  log.debug("below the threshold");
  log.error("two\nlines \"quoted\" and \xff");
  ::close(ends[1]);
  char buffer[1024];
  auto got = ::read(ends[0], buffer, sizeof buffer);
  ::close(ends[0]);
  ASSERT_GT(got, 0);
  std::string text(buffer, static_cast<size_t>(got));
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  auto line = json::parse(text);
  ASSERT_TRUE(line) << text;
  EXPECT_EQ(json::string_member(*line, "level"), "error");
  EXPECT_EQ(json::string_member(*line, "message"), "two\nlines \"quoted\" and \xef\xbf\xbd");
}

}  // namespace
}  // namespace syncnode::daemon
