#include "daemon/shipped.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace syncnode::daemon {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

const Deadline kStart = Deadline(hours(100));

class ShippedTest : public ::testing::Test {
 protected:
  ShippedTest() {
    std::string name = (std::filesystem::temp_directory_path() / "sync-node-shipped-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    write("x");
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  void write(const std::string& content) const { std::ofstream(database(), std::ios::app) << content; }
  std::string database() const { return directory_ + "/webui.db"; }
  follow::FileState look() const {
    auto state = follow::FileState::of(database());
    EXPECT_TRUE(state);
    return *state;
  }

  std::string directory_;
  const RunBasis basis_{"/srv/webui.db", "3/", std::make_shared<const config::Settings>(),
                        std::make_shared<const conflict::Policy>()};
  Shipped shipped_;
};

TEST_F(ShippedTest, NeedsNoRunWhileAllOfItIsTheSame) {
  EXPECT_FALSE(shipped_.needs_no_run("a", basis_, look(), kStart)) << "it never was run";
  shipped_.succeeded("a", basis_, look(), kStart);
  EXPECT_TRUE(shipped_.needs_no_run("a", basis_, look(), kStart + minutes(5)));
  EXPECT_FALSE(shipped_.needs_no_run("b", basis_, look(), kStart + minutes(5)));
  EXPECT_FALSE(shipped_.needs_no_run("a", basis_, look(), kStart + Shipped::kLongest));
  write("y");
  EXPECT_FALSE(shipped_.needs_no_run("a", basis_, look(), kStart + minutes(5)));
}

TEST_F(ShippedTest, AFailureATermAndADecisionEndIt) {
  shipped_.succeeded("a", basis_, look(), kStart);
  shipped_.forget("a");
  EXPECT_FALSE(shipped_.needs_no_run("a", basis_, look(), kStart));
  shipped_.succeeded("a", basis_, look(), kStart);
  shipped_.clear();
  EXPECT_FALSE(shipped_.needs_no_run("a", basis_, look(), kStart));
  shipped_.succeeded("a", basis_, look(), kStart);
  RunBasis elsewhere = basis_, decided = basis_, reloaded = basis_, judged = basis_;
  elsewhere.sqlite_path = "/srv/other.db";
  decided.decided = "3/2026-01-01 00:00:00+00";
  reloaded.settings = std::make_shared<const config::Settings>();
  judged.policy = std::make_shared<const conflict::Policy>();
  EXPECT_FALSE(shipped_.has_other_basis("a", basis_));
  for (const RunBasis& other : {elsewhere, decided, reloaded, judged}) {
    EXPECT_FALSE(shipped_.needs_no_run("a", other, look(), kStart));
    EXPECT_TRUE(shipped_.has_other_basis("a", other));
    EXPECT_FALSE(shipped_.has_other_basis("b", other));
  }
}

// Whoever was in the middle of a write may have ended it under the same stamps.
TEST_F(ShippedTest, WhatProvesNothingIsRunAgain) {
  std::filesystem::remove(database());
  shipped_.succeeded("a", basis_, look(), kStart);
  EXPECT_FALSE(shipped_.needs_no_run("a", basis_, look(), kStart)) << "of a file that is gone a run tells";
}

}  // namespace
}  // namespace syncnode::daemon
