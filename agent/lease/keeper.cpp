#include "lease/keeper.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

namespace syncnode::lease {
namespace {

constexpr std::chrono::milliseconds kShortestPause{200};
constexpr int kRetriesPerRenewal = 5;

}  // namespace

Result<std::unique_ptr<Keeper>> Keeper::start(std::unique_ptr<LeaseStore> store, Grant grant,
                                              const KeeperTimes& times, std::stop_source stop) {
  SN_TRY(times.validate());
  SN_ASSIGN(auto watch, TermWatch::start());
  watch->begin(grant.term.cluster_name, times.act_until(grant), std::move(stop));
  std::unique_ptr<Keeper> keeper(
      new Keeper(std::move(store), std::move(grant.term), times, std::move(watch)));
  if (!keeper->ended_.valid()) {
    return Error{ErrorCode::kResourceExhausted, "no file descriptor left for the lease keeper", ""};
  }
  try {
    keeper->renewer_ = std::thread(&Keeper::renew_until_ended, keeper.get());
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("cannot start the lease keeper: {}", error.what()), ""};
  }
  return keeper;
}

Keeper::Keeper(std::unique_ptr<LeaseStore> store, Term term, const KeeperTimes& times,
               std::unique_ptr<TermWatch> watch)
    : store_(std::move(store)),
      term_(std::move(term)),
      times_(times),
      watch_(std::move(watch)),
      ended_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Keeper::~Keeper() {
  const uint64_t one = 1;
  // One addition cannot overflow an eventfd; nothing else can fail.
  static_cast<void>(!::write(ended_.get(), &one, sizeof one));
  if (renewer_.joinable()) renewer_.join();
  // Nobody is left to tell: an unreleased lease only makes the next node wait for its expiry.
  static_cast<void>(store_->release(term_, deadline_in(times_.attempt)).has_value());
}

bool Keeper::ended_before(Deadline deadline) const {
  pollfd watched{ended_.get(), POLLIN, 0};
  while (true) {
    if (::poll(&watched, 1, poll_milliseconds(deadline)) > 0) return true;
    if (BootClock::now() >= deadline) return false;
  }
}

void Keeper::renew_until_ended() {
  Deadline next = deadline_in(times_.renew_every);
  while (!ended_before(next)) {
    const Deadline started = BootClock::now();
    auto renewed = store_->renew(term_, times_.lease, started + times_.attempt);
    if (renewed) {
      if (!watch_->extend(times_.act_until(*renewed))) return;
      next = started + times_.renew_every;
    } else if (renewed.error().code == ErrorCode::kFenced) {
      watch_->lose(std::move(renewed).error());
    } else {
      // The deadline stays as it was; sooner tries cost little and may still save the term.
      next = BootClock::now() + std::max(kShortestPause, times_.renew_every / kRetriesPerRenewal);
    }
    if (loss()) return;
  }
}

}  // namespace syncnode::lease
