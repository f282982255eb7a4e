#include "lease/times.h"

#include <fmt/format.h>

#include <algorithm>

namespace syncnode::lease {
namespace {

using std::chrono::milliseconds;

constexpr int kRenewalsPerLease = 5;
constexpr milliseconds kLongestPause{10000};
constexpr milliseconds kLongestAttempt{3000};

}  // namespace

KeeperTimes KeeperTimes::from(std::chrono::seconds lease, std::chrono::seconds heartbeat) {
  const milliseconds whole = lease;
  const milliseconds renew_every =
      std::min({milliseconds(heartbeat), whole / kRenewalsPerLease, kLongestPause});
  return {std::min(kLongestAttempt, renew_every * 2 / 3), renew_every, step_down_after(lease), lease};
}

Status KeeperTimes::validate() const {
  const bool ordered =
      attempt > milliseconds(0) && attempt < renew_every && renew_every < step_down && step_down < lease;
  if (ordered) return {};
  return Error{
      ErrorCode::kInvalidArgument,
      fmt::format(
          "lease times do not fit: attempt {} ms, renewal every {} ms, step-down after {} ms, lease {} s",
          attempt.count(), renew_every.count(), step_down.count(), lease.count()),
      "each must be longer than the one before; raise LEASE_DURATION or lower HEARTBEAT_INTERVAL"};
}

}  // namespace syncnode::lease
