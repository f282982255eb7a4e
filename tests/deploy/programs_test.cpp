#include "deploy/programs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace syncnode::deploy {
namespace {

// A folder whose systemctl and docker-ipv6 are the given shell script.
class ProgramsTest : public testing::Test {
 protected:
  ProgramsTest() { std::filesystem::create_directory(folder_); }

 public:
  ~ProgramsTest() override { std::filesystem::remove_all(folder_); }

 protected:
  Programs saying(const std::string& script) {
    for (const char* name : {"systemctl", "docker-ipv6"}) {
      const auto path = folder_ / name;
      std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
      std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    }
    return Programs(folder_.string());
  }

  std::filesystem::path folder_ = testing::TempDir() + "programs_test." + std::to_string(::getpid());
};

TEST_F(ProgramsTest, AnExitCodeAnswersAQuestion) {
  EXPECT_TRUE(*saying("exit 0").active('a'));
  EXPECT_FALSE(*saying("exit 3").active('a'));
  const auto words = saying(R"([ "$*" = "is-enabled --quiet sync-node@b.service" ])");
  EXPECT_TRUE(*words.enabled('b'));
  EXPECT_FALSE(*words.enabled('a'));
}

TEST_F(ProgramsTest, WhatWentWrongIsSaidInItsOwnWords) {
  const auto started = saying("echo 'Unit is masked.' >&2; exit 1").start('b');
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "systemctl start sync-node@b.service failed: Unit is masked.");
  EXPECT_NE(started.error().hint.find("journalctl -u sync-node@b"), std::string::npos);
}

TEST_F(ProgramsTest, WhatDockersProgramSaidIsKept) {
  EXPECT_EQ(*saying("echo one; echo two").enable_docker_ipv6(), "one\ntwo");
  const auto refused = saying("echo no; exit 6").enable_docker_ipv6();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("(exit 6): no"), std::string::npos);
}

TEST_F(ProgramsTest, OneThatIsMissingIsNamed) {
  const auto docker = Programs("/nowhere").enable_docker_ipv6();
  ASSERT_FALSE(docker);
  EXPECT_NE(docker.error().hint.find("--docker-ipv6"), std::string::npos);
}

}  // namespace
}  // namespace syncnode::deploy
