#include "cli/progress_bar.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "cli/text.h"

namespace syncnode::cli {
namespace {

TEST(ProgressText, ShowsShareAndClock) {
  EXPECT_EQ(progress_text({"loading", "chat", 500, 1000, 65}, 100),
            " 1:05  loading  chat  ██████████░░░░░░░░░░  50 %  500 of 1,000 rows");
  EXPECT_EQ(progress_text({"reading", "chat", 500, -1, 5}, 100), " 0:05  reading  chat  500 rows");
  EXPECT_EQ(progress_text({}, 100), " 0:00  starting");
}

TEST(ProgressText, NeverLeavesItsLine) {
  for (size_t columns = 1; columns < 120; ++columns) {
    auto text = progress_text({"loading", std::string(90, 'x') + "\n\033[2J", 7, 5, 1e6}, columns);
    EXPECT_LE(display_width(text), columns);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_EQ(text.find('\033'), std::string::npos);
  }
}

class Captured {
 public:
  Captured() { EXPECT_EQ(::pipe(ends_), 0); }
  ~Captured() { ::close(ends_[0]); }
  int fd() const { return ends_[1]; }
  std::string text() {
    ::close(ends_[1]);
    std::string all;
    char buffer[4096];
    ssize_t got = 0;
    while ((got = ::read(ends_[0], buffer, sizeof buffer)) > 0) all.append(buffer, static_cast<size_t>(got));
    return all;
  }

 private:
  int ends_[2] = {-1, -1};
};

TEST(AProgressBar, WritesNothingWithoutATerminal) {
  Captured captured;
  {
    ProgressBar bar(captured.fd(), false, {}, LogLevel::kWarning);
    bar.phase("reading");
    bar.table("chat", 1, 2);
    bar.info("not important enough");
  }
  EXPECT_EQ(captured.text(), "");
}

TEST(AProgressBar, PutsLogLinesAboveItselfAndErasesItself) {
  Captured captured;
  {
    ProgressBar bar(captured.fd(), true, {false, 80}, LogLevel::kWarning);
    bar.phase("reading");
    bar.warning("slow disk");
  }
  EXPECT_EQ(captured.text(), "\r\033[K 0:00  reading\r\033[Kwarning: slow disk\n");
}

TEST(AProgressBar, DrawsAtMostTenTimesASecond) {
  Captured captured;
  {
    ProgressBar bar(captured.fd(), true, {false, 80}, LogLevel::kWarning);
    bar.phase("reading");
    for (int i = 0; i < 1000; ++i) bar.table("chat", i, 1000);
  }
  auto text = captured.text();
  EXPECT_LT(std::count(text.begin(), text.end(), '\r'), 50) << "1000 reports within a moment";
}

}  // namespace
}  // namespace syncnode::cli
