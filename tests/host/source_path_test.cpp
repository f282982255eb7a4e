#include "host/source_path.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace syncnode::host {
namespace {

constexpr const char* kOverlay =
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "310 22 0:52 / /var/lib/docker/overlay2/abc/merged rw,relatime shared:5 - overlay overlay "
    "rw,lowerdir=/var/lib/docker/overlay2/l/A:/var/lib/docker/overlay2/l/B,"
    "upperdir=/var/lib/docker/overlay2/abc/diff,workdir=/var/lib/docker/overlay2/abc/work\n"
    "311 22 0:53 / /mnt/odd rw - overlay overlay "
    "rw,lowerdir=/low,upperdir=/srv/two\\040words\\\\054x,workdir=/w\n";

TEST(SourcePath, RefusesTheInsideOfAnOverlaysUpperDirectory) {
  const auto refused = check_not_overlay_upper("/var/lib/docker/overlay2/abc/diff/app/webui.db", kOverlay);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(refused.error().hint.find("volume"), std::string::npos);
  EXPECT_FALSE(check_not_overlay_upper("/srv/two words,x/webui.db", kOverlay));
}

TEST(SourcePath, AllowsWhatOnlyLooksSimilar) {
  EXPECT_TRUE(check_not_overlay_upper("/var/lib/docker/overlay2/abc/merged/app/webui.db", kOverlay));
  EXPECT_TRUE(check_not_overlay_upper("/var/lib/docker/overlay2/abc/diff2/webui.db", kOverlay));
  EXPECT_TRUE(check_not_overlay_upper("/var/lib/docker/volumes/open-webui/_data/webui.db", kOverlay));
  EXPECT_TRUE(check_not_overlay_upper("/data/webui.db", ""));
}

TEST(SourcePath, RefusesNetworkFileSystems) {
  for (const long type : {0x6969L, 0xFF534D42L, 0xFE534D42L, 0x65735546L, 0x01021997L,
                          static_cast<long>(static_cast<int>(0xFF534D42))}) {
    const auto refused = check_filesystem_type("/data/webui.db", type);
    ASSERT_FALSE(refused) << type;
    EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  }
  for (const long type : {0xEF53L, 0x58465342L, 0x9123683EL, 0x01021994L, 0x794C7630L}) {
    EXPECT_TRUE(check_filesystem_type("/data/webui.db", type)) << type;
  }
}

TEST(SourcePath, ResolvesAndJudgesRealPaths) {
  std::string name = (std::filesystem::temp_directory_path() / "sync-node-path-XXXXXX").string();
  const std::filesystem::path directory = std::filesystem::canonical(::mkdtemp(name.data()));
  const std::string file = directory / "webui.db";
  std::ofstream(file) << "x";
  std::filesystem::create_symlink(file, directory / "link");

  EXPECT_EQ(check_source_path(directory / "link").value(), file);
  EXPECT_EQ(check_source_path("/proc/" + std::to_string(::getpid()) + "/root" + file).value(), file);
  EXPECT_EQ(check_source_path(directory / "none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(check_source_path(directory).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(check_source_path("/dev/null").error().code, ErrorCode::kFailedPrecondition);
  std::filesystem::remove_all(directory);
}

TEST(SourcePath, ARegisteredPathLeadsNowhereElse) {
  std::string name = (std::filesystem::temp_directory_path() / "sync-node-path-XXXXXX").string();
  const std::filesystem::path directory = std::filesystem::canonical(::mkdtemp(name.data()));
  const std::filesystem::path file = directory / "acme" / "webui.db";
  for (const char* volume : {"acme", "other"}) {
    std::filesystem::create_directory(directory / volume);
    std::ofstream(directory / volume / "webui.db") << volume;
  }
  EXPECT_EQ(check_registered_path(file).value(), file);
  const auto in_place_of = [&](const std::filesystem::path& path, const char* target) {
    std::filesystem::remove_all(path);
    std::filesystem::create_symlink(target, path);
    const auto refused = check_registered_path(file);
    ASSERT_FALSE(refused) << *refused;
    EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_NE(refused.error().message.find((directory / "other/webui.db").string()), std::string::npos);
  };
  in_place_of(file, "../other/webui.db");
  in_place_of(directory / "acme", "other");
  EXPECT_EQ(check_registered_path(directory / "none").error().code, ErrorCode::kNotFound);
  std::filesystem::remove_all(directory);
}

TEST(SourcePath, AnEntryIsItsDirectoryAndItsName) {
  std::string name = (std::filesystem::temp_directory_path() / "sync-node-path-XXXXXX").string();
  const std::filesystem::path directory = std::filesystem::canonical(::mkdtemp(name.data()));
  std::filesystem::create_directory(directory / "acme");
  std::filesystem::create_symlink("acme", directory / "way");
  std::filesystem::create_symlink("acme/webui.db", directory / "webui.db");
  EXPECT_TRUE(same_entry(directory / "acme/webui.db", directory / "way/webui.db"));
  EXPECT_FALSE(same_entry(directory / "acme/webui.db", directory / "webui.db"));
  EXPECT_FALSE(same_entry(directory / "acme/webui.db", directory / "acme/other.db"));
  EXPECT_FALSE(same_entry("webui.db", directory / "webui.db"));
  EXPECT_TRUE(lies_in("/srv/acme/webui.db", "/srv/acme"));
  EXPECT_TRUE(lies_in("/srv/acme/webui.db", "/"));
  EXPECT_FALSE(lies_in("/srv/acme2/webui.db", "/srv/acme"));
  EXPECT_FALSE(lies_in("/srv/acme", "/srv/acme"));
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace syncnode::host
