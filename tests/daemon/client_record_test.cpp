#include "daemon/client_record.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace syncnode::daemon {
namespace {

using WallClock = std::chrono::system_clock;
using std::chrono::seconds;

class ClientRecordTest : public ::testing::Test {
 protected:
  ClientRecordTest() {
    std::string name = (std::filesystem::temp_directory_path() / "sync-node-record-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    write("", 100);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // The database, or with "-wal" its log, last written at this second of the test's clock.
  void write(const std::string& suffix, int64_t second) const {
    const std::string path = database() + suffix;
    std::ofstream(path) << "x";
    const timespec times[2] = {{kStart + second, 0}, {kStart + second, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
  std::string database() const { return directory_ + "/webui.db"; }
  static WallClock::time_point at(int64_t second) { return WallClock::time_point(seconds(kStart + second)); }

  static constexpr int64_t kStart = 1'700'000'000;
  std::string directory_;
};

TEST_F(ClientRecordTest, IsNotBehindWhileNothingWasWrittenSince) {
  ClientRecord record{database(), "success", at(150)};
  EXPECT_EQ(record.facts("a", at(5000)).lag_seconds, 0.0);
}

TEST_F(ClientRecordTest, IsBehindSinceTheSnapshotOnceSomethingWasWritten) {
  ClientRecord record{database(), "success", at(150)};
  EXPECT_FALSE(record.is_behind());
  write("-wal", 160);
  EXPECT_TRUE(record.is_behind());
  EXPECT_EQ(record.facts("a", at(200)).lag_seconds, 50.0);
}

TEST_F(ClientRecordTest, DoesNotKnowWhatItNeverSawOrCannotSee) {
  EXPECT_FALSE((ClientRecord{database(), "", std::nullopt}.facts("a", at(200)).lag_seconds));
  EXPECT_FALSE((ClientRecord{directory_ + "/gone.db", "success", at(150)}.facts("a", at(200)).lag_seconds));
}

TEST_F(ClientRecordTest, SaysHowTheLastRunEnded) {
  const auto facts = [&](const char* status) {
    return ClientRecord{database(), status, at(150)}.facts("a", at(200));
  };
  EXPECT_TRUE(facts("failed").failing);
  EXPECT_TRUE(facts("fenced").failing);
  EXPECT_TRUE(facts("starved").starved);
  EXPECT_TRUE(facts("held").held);
  for (const char* fine : {"success", "cancelled", ""}) {
    const auto one = facts(fine);
    EXPECT_FALSE(one.failing || one.starved || one.held) << fine;
  }
}

JobEnd verified(bool equal) {
  sync::Verified both;
  sync::TableVerdict chat;
  chat.name = "chat";
  chat.source_rows = chat.copy_rows = 1;
  chat.source_hash = "00";
  chat.copy_hash = equal ? "00" : "11";
  chat.differing_total = equal ? 0 : 1;
  both.report.tables.push_back(chat);
  return Result<sync::Verified>(std::move(both));
}

TEST_F(ClientRecordTest, TakesOfAVerifyWhatItsSyncSays) {
  ClientRecord record{database(), "failed", at(150)};
  record.ended(JobKind::kVerify, Result<sync::Verified>(Error{ErrorCode::kAborted, "", ""}), at(160));
  EXPECT_EQ(record.last_status, "failed") << "one that could not compare tells nothing";
  record.ended(JobKind::kVerify, verified(false), at(170));
  EXPECT_EQ(record.last_status, "success");
  EXPECT_EQ(record.current_as_of, at(150)) << "a copy that differs is not current";
  record.ended(JobKind::kVerify, verified(true), at(180));
  EXPECT_EQ(record.current_as_of, at(180));
  record.ended(JobKind::kSync, Result<sync::RunReport>(Error{ErrorCode::kStarved, "", ""}), at(190));
  EXPECT_EQ(record.last_status, "starved");
}

TEST(JobEnd, OfAVerifyThatDiffersIsNoSuccess) {
  EXPECT_EQ(status_of(verified(true)), "success");
  EXPECT_EQ(status_of(verified(false)), "differs");
  EXPECT_EQ(status_of(Result<sync::Verified>(Error{ErrorCode::kFenced, "", ""})), "fenced");
}

}  // namespace
}  // namespace syncnode::daemon
