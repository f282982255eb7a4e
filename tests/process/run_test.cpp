#include "process/run.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "base/unique_fd.h"

namespace syncnode::process {
namespace {

Deadline soon() {
  return deadline_in(std::chrono::seconds(20));
}

std::string said(const std::vector<std::string>& words) {
  const auto ran = run(words, soon());
  EXPECT_TRUE(ran);
  return ran ? ran->output : "";
}

TEST(Run, GivesCodeAndBothStreams) {
  const auto ran = run({"/bin/sh", "-c", "echo out; echo err >&2; exit 7"}, soon());
  ASSERT_TRUE(ran);
  EXPECT_EQ(ran->exit_code, 7);
  EXPECT_EQ(ran->output, "out\nerr\n");
  EXPECT_EQ(run({"/bin/sh", "-c", "kill -TERM $$"}, soon())->exit_code, 128 + SIGTERM);
}

TEST(Run, WordsAreWordsAndNoShellReadsThem) {
  EXPECT_EQ(said({"/bin/echo", "$HOME; id", "*"}), "$HOME; id *\n");
}

TEST(Run, TheEnvironmentOfTheCallerIsNotHandedOn) {
  ::setenv("PATH", "/tmp/evil", 1);
  ::setenv("SECRET", "word", 1);
  EXPECT_EQ(said({"/usr/bin/env"}), "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n");
}

TEST(Run, BlockedSignalsAndDescriptorsAreNotHandedOn) {
  sigset_t set, old;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &set, &old);
  std::signal(SIGPIPE, SIG_IGN);
  const std::string status = said({"/bin/cat", "/proc/self/status"});
  std::signal(SIGPIPE, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &old, nullptr);
  EXPECT_NE(status.find("SigBlk:\t0000000000000000"), std::string::npos) << status;
  const auto ignored = std::stoull(status.substr(status.find("SigIgn:") + 8, 16), nullptr, 16);
  EXPECT_EQ(ignored & (1ull << (SIGPIPE - 1)), 0u) << status;
  EXPECT_EQ(said({"/bin/sh", "-c", "read line; echo \"got <$line>\""}), "got <>\n") << "nothing to read";
}

TEST(Run, WhoDoesNotEndIsKilledWithItsChildren) {
  // So that this process is told how the shell's child ended, once it has lost its parent.
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  std::string name = "/tmp/sync-node-run-XXXXXX";
  const UniqueFd file(::mkstemp(name.data()));
  ASSERT_TRUE(file.valid());
  const auto begun = BootClock::now();
  const auto ran =
      run({"/bin/sh", "-c", "sleep 60 & echo $! >\"$0\"; wait", name}, deadline_in(std::chrono::seconds(2)));
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_LT(BootClock::now() - begun, std::chrono::seconds(20));
  pid_t child = 0;
  std::ifstream(name) >> child;
  ::unlink(name.c_str());
  ASSERT_GT(child, 0) << "the shell did not come to tell";
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "it slept to its end: " << status;
  EXPECT_EQ(::kill(child, 0), -1);
  EXPECT_EQ(errno, ESRCH);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST(Run, WhatIsNotThereIsSaid) {
  EXPECT_EQ(run({"/no/such/program"}, soon()).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(run_in_foreground({"/no/such/program"}).error().code, ErrorCode::kNotFound);
}

TEST(Run, MuchOutputIsCutAndRead) {
  const auto ran = run({"/bin/sh", "-c", "head -c 3000000 /dev/zero; exit 3"}, soon());
  ASSERT_TRUE(ran);
  EXPECT_EQ(ran->output.size(), 1u << 20);
  EXPECT_EQ(ran->exit_code, 3);
}

TEST(Run, InTheForegroundTheStreamsAreOurs) {
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(*run_in_foreground({"/bin/sh", "-c", "echo here; exit 5"}), 5);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "here\n");
}

}  // namespace
}  // namespace syncnode::process
