#include "deploy/host_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "config/env_file.h"

namespace syncnode::deploy {
namespace {

class HostFilesTest : public ::testing::Test {
 protected:
  HostFilesTest() {
    char name[] = "/tmp/sync-node-files.XXXXXX";
    folder_ = ::mkdtemp(name);
  }

 public:
  ~HostFilesTest() override { std::filesystem::remove_all(folder_); }

 protected:
  std::string at(const std::string& name) const { return folder_ + "/" + name; }
  std::string folder_;
};

TEST_F(HostFilesTest, AFileIsReplacedWithItsModeAndNothingIsLeftBeside) {
  ASSERT_TRUE(write_atomically(at("f"), "one", 0600));
  ASSERT_TRUE(look_at(at("f"))->holds("one", 0600));
  ASSERT_TRUE(write_atomically(at("f.new"), "left behind by a killed run", 0644));
  ASSERT_TRUE(write_atomically(at("f"), "two", 0640));
  EXPECT_TRUE(look_at(at("f"))->holds("two", 0640));
  EXPECT_FALSE(look_at(at("f"))->holds("two", 0600));
  EXPECT_FALSE(std::filesystem::exists(at("f.new")));
}

TEST_F(HostFilesTest, ALinkIsSeenAsALinkAndReplacedNotFollowed) {
  ASSERT_TRUE(write_atomically(at("victim"), "untouched", 0600));
  ASSERT_EQ(::symlink("victim", at("f").c_str()), 0);
  EXPECT_EQ(look_at(at("f"))->link_target, "victim");
  EXPECT_FALSE(look_at(at("f"))->holds("untouched", 0777));
  ASSERT_TRUE(write_atomically(at("f"), "new", 0600));
  EXPECT_EQ(look_at(at("victim"))->text, "untouched");
  ASSERT_EQ(::symlink("victim", at("f.new").c_str()), 0);
  ASSERT_TRUE(write_atomically(at("f"), "newer", 0600));
  EXPECT_EQ(look_at(at("victim"))->text, "untouched");
}

TEST_F(HostFilesTest, TheAdminsFolderIsClosedAndOneDeployAtATime) {
  const HostFiles files(folder_ + "/");
  auto first = files.prepare();
  ASSERT_TRUE(first) << first.error().to_string();
  EXPECT_TRUE(files.admin_folder_is_right());
  EXPECT_EQ(files.prepare().error().code, ErrorCode::kFailedPrecondition);
  first->reset();
  ASSERT_EQ(::chmod(files.admin_folder().c_str(), 0755), 0);
  EXPECT_TRUE(files.prepare());
  EXPECT_TRUE(files.admin_folder_is_right());
}

TEST_F(HostFilesTest, AMachineIsADigestOfItsId) {
  ASSERT_TRUE(write_atomically(at("id"), "0123456789abcdef0123456789abcdef\n", 0444));
  const auto machine = machine_of(at("id"));
  ASSERT_TRUE(machine);
  EXPECT_EQ(machine->size(), 64U);
  EXPECT_EQ(machine->find("0123456789abcdef0123"), std::string::npos);
  for (const char* text : {"", "uninitialized\n", "0123\n"}) {
    ASSERT_TRUE(write_atomically(at("id"), text, 0444));
    EXPECT_FALSE(machine_of(at("id"))) << text;
  }
  EXPECT_FALSE(machine_of(at("none")));
}

TEST(HostTexts, EveryValueComesBackOutOfTheFile) {
  std::string all = "Ä 日本";
  for (char c = ' '; c < '\x7f'; ++c) all += c;
  for (const std::string& value : {all, std::string("plain"), std::string("it's"), std::string("a b"),
                                   std::string("\"$`\\'"), std::string("#x")}) {
    const std::string text = "KEY=" + env_value(value) + "\n";
    EXPECT_EQ(value_in(text, "KEY"), value) << text;
  }
  EXPECT_EQ(env_value("aws-0-eu-west-1"), "aws-0-eu-west-1");
}

TEST(HostTexts, OnlyTheTwoLinesThatAreDeploysAreTouched) {
  const std::string mine =
      "# my own words\nexport SUPABASE_URL=old\nLOG_LEVEL=DEBUG # "
      "why\nHOST_NAME=h\nHOST_NAME=again\nCLUSTER_NAME=other\nlast=1";
  EXPECT_EQ(environment_text(mine, "postgresql://u:p@h/d?sslmode=require", "h2"),
            "# my own words\nSUPABASE_URL='postgresql://u:p@h/d?sslmode=require'\nLOG_LEVEL=DEBUG # "
            "why\nHOST_NAME=h2\nlast=1\n");
  const std::string fresh = environment_text(std::nullopt, "postgresql://u@h/d", "h");
  EXPECT_EQ(environment_text(fresh, "postgresql://u@h/d", "h"), fresh);
  for (const char* key : {"SUPABASE_URL", "HOST_NAME", "CACHE_TTL", "HEARTBEAT_INTERVAL", "LEASE_DURATION",
                          "LOG_LEVEL", "LOG_FORMAT", "BATCH_SIZE", "ENABLE_METRICS"}) {
    EXPECT_TRUE(value_in(fresh, key)) << key;
  }
}

TEST(HostTexts, ANodeKeepsItsPort) {
  EXPECT_EQ(node_environment_text(std::nullopt, 'a'), "ROLE=node-a\nAPI_PORT=9443\n");
  EXPECT_EQ(node_environment_text(std::nullopt, 'b'), "ROLE=node-b\nAPI_PORT=9444\n");
  EXPECT_EQ(node_environment_text("API_PORT=8000\nROLE=node-a\n", 'b'), "API_PORT=8000\nROLE=node-b\n");
}

TEST(HostTexts, CredentialsAreTheFiveThatOthersRead) {
  const config::Credentials written{"ref", "aws-0-eu-west-1", "it's \"$x\"",
                                    "postgresql://a:%27@h/d?sslmode=require", "postgresql://s@h/d"};
  const auto read = config::parse_credentials(credentials_text(written), "file");
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->sync_service_password, written.sync_service_password);
  EXPECT_EQ(read->admin_url, written.admin_url);
  EXPECT_EQ(read->supabase_region, written.supabase_region);
}

}  // namespace
}  // namespace syncnode::deploy
