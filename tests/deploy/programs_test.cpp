#include "deploy/programs.h"

#include <gtest/gtest.h>

namespace syncnode::deploy {
namespace {

using namespace std::chrono_literals;

TEST(Programs, WhatAProgramSaysAndHowItEndsIsKept) {
  const auto ran = run_program("/bin/sh", {"-c", "echo out; echo err >&2; exit 7"}, deadline_in(20s));
  ASSERT_TRUE(ran) << ran.error().to_string();
  EXPECT_EQ(ran->code, 7);
  EXPECT_EQ(ran->output, "out\nerr");
  EXPECT_EQ(run_program("/bin/sh", {"-c", "kill -9 $$"}, deadline_in(20s))->code, 128 + 9);
}

TEST(Programs, NothingOfOurEnvironmentOrInputReachesIt) {
  const auto ran = run_program("/bin/sh", {"-c", "cat; env | sort"}, deadline_in(20s));
  ASSERT_TRUE(ran);
  EXPECT_EQ(ran->output.find("LC_ALL=C.UTF-8\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nPWD="), 0U) << ran->output;
  EXPECT_EQ(ran->output.find("HOME="), std::string::npos);
}

TEST(Programs, OneThatDoesNotEndIsKilled) {
  const auto ran = run_program("/bin/sleep", {"1000"}, deadline_in(50ms));
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, ErrorCode::kDeadlineExceeded);
}

TEST(Programs, OneThatIsMissingIsNamed) {
  EXPECT_EQ(run_program("/nowhere/at-all", {}, deadline_in(20s)).error().code, ErrorCode::kNotFound);
  const auto docker = Programs("/nowhere").enable_docker_ipv6();
  ASSERT_FALSE(docker);
  EXPECT_NE(docker.error().hint.find("--docker-ipv6"), std::string::npos);
}

}  // namespace
}  // namespace syncnode::deploy
