#include "docker/mounts_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace syncnode::docker {
namespace {

using std::chrono::minutes;

class MountsFileTest : public ::testing::Test {
 protected:
  MountsFileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "sync-node-mounts-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    for (const char* volume : {"acme", "other"}) {
      std::filesystem::create_directory(directory_ + "/" + volume);
      std::ofstream(database(volume)) << volume;
    }
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string file() const { return directory_ + "/mounts.json"; }
  std::string database(const std::string& volume) const { return directory_ + "/" + volume + "/webui.db"; }
  void write(const std::vector<ContainerData>& containers) const {
    const auto written = write_mounts_file(file(), json::to_pretty_text(mounts_document(containers)));
    ASSERT_TRUE(written) << written.error().to_string();
  }
  Status check(const std::string& container, const std::string& path) const {
    return check_mount(read_mounts_file(file(), BootClock::now()), "acme", container, path);
  }

  std::string directory_;
};

TEST_F(MountsFileTest, AMatchingMountIsRightByAnyOfItsNames) {
  std::filesystem::create_symlink(directory_ + "/acme", directory_ + "/link");
  write({{"openwebui-acme", directory_ + "/link/webui.db"}});
  EXPECT_TRUE(check("openwebui-acme", database("acme")));
  EXPECT_FALSE(check("openwebui-acme", database("other")));
}

TEST_F(MountsFileTest, ALinkInPlaceOfTheDatabaseIsNoNameOfIt) {
  std::filesystem::remove(database("other"));
  std::filesystem::create_symlink(database("acme"), database("other"));
  write({{"openwebui-acme", database("other")}});
  EXPECT_FALSE(check("openwebui-acme", database("acme")));
}

TEST_F(MountsFileTest, AMovedMountIsRefusedWithBothPathsAndWhatToDo) {
  write({{"openwebui-acme", database("other")}});
  const auto moved = check("openwebui-acme", database("acme"));
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(moved.error().message.find(database("other")), std::string::npos);
  EXPECT_NE(moved.error().message.find(database("acme")), std::string::npos);
  EXPECT_NE(moved.error().hint.find("client register acme --container openwebui-acme"), std::string::npos);
  // The old file may be gone with its volume.
  std::filesystem::remove(database("acme"));
  EXPECT_FALSE(check("openwebui-acme", database("acme")));
}

TEST_F(MountsFileTest, AContainerThatLostItsVolumeIsRefused) {
  write({{"openwebui-acme", Error{ErrorCode::kFailedPrecondition, "keeps it inside itself", ""}}});
  const auto lost = check("openwebui-acme", database("acme"));
  ASSERT_FALSE(lost);
  EXPECT_NE(lost.error().message.find("keeps it inside itself"), std::string::npos);
  EXPECT_NE(lost.error().hint.find("without --container"), std::string::npos);
}

TEST_F(MountsFileTest, NothingIsKnownOfOthersAndOfNobody) {
  write({{"openwebui-other", database("other")}});
  EXPECT_TRUE(check("openwebui-acme", database("acme")));
  EXPECT_TRUE(check("", database("acme")));
  std::filesystem::remove(file());
  EXPECT_TRUE(check("openwebui-other", database("acme")));
  const auto seen = read_mounts_file(file(), BootClock::now());
  EXPECT_FALSE(seen.containers);
  EXPECT_EQ(seen.why_not, "");
}

TEST_F(MountsFileTest, OldNewsIsNotBelievedAndSaysSo) {
  write({{"openwebui-acme", database("other")}});
  const auto later = BootClock::now() + kMountsOldAfter + minutes(1);
  const auto seen = read_mounts_file(file(), later);
  EXPECT_NE(seen.why_not.find("is old"), std::string::npos) << seen.why_not;
  EXPECT_TRUE(check_mount(seen, "acme", "openwebui-acme", database("acme")));
  EXPECT_TRUE(read_mounts_file(file(), BootClock::now() + minutes(4)).containers);
  EXPECT_FALSE(read_mounts_file(file(), BootClock::now() - minutes(6)).containers) << "of another boot";
}

TEST_F(MountsFileTest, WhatOthersCanWriteIsNotBelieved) {
  write({{"openwebui-acme", database("other")}});
  struct stat facts {};
  ASSERT_EQ(::stat(file().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0644u);
  for (const mode_t open : {0664, 0646}) {
    ::chmod(file().c_str(), open);
    EXPECT_NE(read_mounts_file(file(), BootClock::now()).why_not.find("not believed"), std::string::npos);
  }
  std::filesystem::rename(file(), directory_ + "/real.json");
  std::filesystem::create_symlink(directory_ + "/real.json", file());
  EXPECT_FALSE(read_mounts_file(file(), BootClock::now()).containers);
}

TEST_F(MountsFileTest, WhatIsNoSuchFileIsNotBelieved) {
  for (const char* text : {"", "{", "[]", "{}", R"({"boottime_seconds":1})", R"({"containers":[]})",
                           R"({"boottime_seconds":1,"containers":[{}]})"}) {
    std::ofstream(file()) << text;
    const auto seen = read_mounts_file(file(), BootClock::time_point(std::chrono::seconds(1)));
    EXPECT_FALSE(seen.containers) << text;
    EXPECT_NE(seen.why_not, "") << text;
  }
}

TEST_F(MountsFileTest, IsReplacedWholeAlsoAfterAWriterThatDied) {
  write({{"openwebui-acme", database("acme")}});
  std::ofstream(file() + ".new") << "half of";
  write({{"openwebui-acme", database("other")}});
  EXPECT_FALSE(check("openwebui-acme", database("acme")));
  EXPECT_FALSE(std::filesystem::exists(file() + ".new"));
  EXPECT_EQ(write_mounts_file(directory_ + "/nowhere/mounts.json", "x").error().code,
            ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace syncnode::docker
