#include "base/stop_signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <mutex>

namespace syncnode {
namespace {

// Waits on the token as the programs do; false when ten seconds were not enough.
bool stops(const std::stop_token& token) {
  std::mutex mutex;
  std::condition_variable_any condition;
  std::unique_lock lock(mutex);
  condition.wait_for(lock, token, std::chrono::seconds(10), [] { return false; });
  return token.stop_requested();
}

TEST(StopSignals, TurnTheFirstSignalIntoAStopRequest) {
  for (int signal : {SIGINT, SIGTERM}) {
    StopSignals signals;
    EXPECT_FALSE(signals.token().stop_requested());
    ::kill(::getpid(), signal);
    EXPECT_TRUE(stops(signals.token()));
  }
}

TEST(StopSignals, EndWithoutOne) {
  StopSignals signals;
}

TEST(StopSignalsDeathTest, LetASecondSignalEndTheProcess) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        StopSignals signals;
        ::kill(::getpid(), SIGINT);
        stops(signals.token());
        ::kill(::getpid(), SIGTERM);
        // The watching thread takes the second one at its own pace.
        std::stop_source never;
        stops(never.get_token());
      },
      testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace syncnode
