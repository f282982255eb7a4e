#include "daemon/settings_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/unique_fd.h"

namespace syncnode::daemon {
namespace {

class SettingsFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = "/tmp/sync-node-settings-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void credential(const std::string& name) { std::ofstream(directory_ / name) << "LOG_LEVEL=DEBUG\n"; }
  SettingsPlaces places(const std::string& node) const { return {directory_, "/etc/sync-node", node}; }

  std::filesystem::path directory_;
};

TEST_F(SettingsFiles, WithoutCredentialsThereAreNone) {
  EXPECT_TRUE(files_at_start({"", "/etc/sync-node", "a"}).empty());
  EXPECT_TRUE(files_at_reload({"", "/etc/sync-node", "a"}).empty());
}

TEST_F(SettingsFiles, TheNodesOwnFileComesLastSoThatItWins) {
  credential(".env");
  credential("node-a.env");
  credential("node-b.env");
  EXPECT_EQ(files_at_start(places("a")),
            (std::vector<std::string>{directory_ / ".env", directory_ / "node-a.env"}));
}

TEST_F(SettingsFiles, AReloadReadsWhatTheOperatorWroteNotTheCopiesOfTheStart) {
  credential(".env");
  credential("node-b.env");
  EXPECT_EQ(files_at_reload(places("b")),
            (std::vector<std::string>{"/etc/sync-node/.env", "/etc/sync-node/node-b.env"}));
}

TEST_F(SettingsFiles, ACredentialThatWasNotGivenIsNotLookedFor) {
  credential(".env");
  EXPECT_EQ(files_at_start(places("a")), std::vector<std::string>{directory_ / ".env"});
  EXPECT_EQ(files_at_reload(places("")), std::vector<std::string>{"/etc/sync-node/.env"});
}

TEST_F(SettingsFiles, WhoeverWaitsIsToldHowTheReloadEnded) {
  const std::string fifo = directory_ / "reload-answer";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const UniqueFd reader(::open(fifo.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  answer_reload(directory_, {});
  answer_reload(directory_, Error{ErrorCode::kInvalidArgument, "two\nlines", ""});
  std::string heard(200, '\0');
  heard.resize(static_cast<size_t>(std::max<ssize_t>(0, ::read(reader.get(), heard.data(), heard.size()))));
  EXPECT_EQ(heard.find("applied\nrefused: "), 0u) << heard;
  EXPECT_EQ(std::count(heard.begin(), heard.end(), '\n'), 2) << heard;
}

TEST_F(SettingsFiles, AFileInThePlaceOfTheFifoIsLeftAlone) {
  const std::string path = directory_ / "reload-answer";
  std::ofstream(path) << "mine";
  answer_reload(directory_, {});
  EXPECT_EQ(std::filesystem::file_size(path), 4u);
}

}  // namespace
}  // namespace syncnode::daemon
