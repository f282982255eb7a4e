#include "base/stop_signals.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

namespace syncnode {
namespace {

sigset_t stop_set() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

StopSignals::StopSignals() : finish_(::eventfd(0, EFD_CLOEXEC)) {
  sigset_t set = stop_set();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC));
  thread_ = std::thread([this] { watch(); });
}

StopSignals::~StopSignals() {
  uint64_t one = 1;
  [[maybe_unused]] auto written = ::write(finish_.get(), &one, sizeof one);
  thread_.join();
}

void StopSignals::watch() {
  pollfd waits[2] = {{signals_.get(), POLLIN, 0}, {finish_.get(), POLLIN, 0}};
  while (true) {
    if (::poll(waits, 2, -1) < 0) continue;  // EINTR
    if (waits[1].revents != 0) return;
    if (waits[0].revents == 0) continue;
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) continue;
    source_.request_stop();
    // From here on this thread takes these signals with their default action.
    waits[0].fd = -1;
    sigset_t set = stop_set();
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  }
}

}  // namespace syncnode
