#include "lease/simulation/oracle.h"

#include <fmt/format.h>

namespace syncnode::test {
namespace {

constexpr Nanoseconds kSecond = 1'000'000'000;
constexpr size_t kCallsPerSecond = 8;         // in any state: look, take, mark, look again
constexpr size_t kFailingCallsPerSecond = 2;  // one a second; two may fall into one window by jitter

}  // namespace

void Oracle::must(bool holds, Nanoseconds at, const char* invariant, const std::string& what) {
  if (holds || broken_) return;
  broken_ = fmt::format("{} at {:.6f} s: {}", invariant, static_cast<double>(at) / kSecond, what);
}

void Oracle::granted(Nanoseconds at, int64_t epoch, const std::string& nonce) {
  must(epoch > highest_, at, "I2", fmt::format("epoch {} was granted after {}", epoch, highest_));
  const auto [known, first] = holders_.emplace(epoch, nonce);
  must(first, at, "I2", fmt::format("epoch {} was granted to {} and to {}", epoch, known->second, nonce));
  highest_ = std::max(highest_, epoch);
  grants_.push_back({at, epoch, nonce});
}

void Oracle::committed(Nanoseconds at, int64_t epoch, const std::string& nonce) {
  ++commits_;
  const bool current = !grants_.empty() && grants_.back().epoch == epoch && grants_.back().nonce == nonce;
  must(current, at, "I1",
       fmt::format("a row of epoch {} ({}) was committed under epoch {}", epoch, nonce, last_epoch()));
}

void Oracle::touched(Nanoseconds at, const std::string& nonce, const std::string& row_nonce) {
  must(nonce == row_nonce, at, "I6", fmt::format("{} changed the term of {}", nonce, row_nonce));
}

void Oracle::claims(Nanoseconds at, int node, Nanoseconds until, Nanoseconds since,
                    Nanoseconds server_expiry) {
  Claim& own = claims_[node];
  own.excused = own.excused || since <= excused_at_;
  for (const auto& [other, claim] : claims_) {
    const bool overlap = other != node && claim.until > at && !claim.excused && !own.excused;
    must(!overlap, at, "I3", fmt::format("nodes {} and {} both may act", node, other));
  }
  must(own.excused || until <= server_expiry, at, "I7",
       fmt::format("node {} may act {:.3f} s past its lease", node,
                   static_cast<double>(until - server_expiry) / kSecond));
  own.until = until;
}

void Oracle::claims_no_more(Nanoseconds at, int node) {
  Claim& claim = claims_[node];
  if (claim.until > at) claim.until = at;
}

void Oracle::elected(Nanoseconds at, int node, int64_t epoch, bool work_running) {
  must(!leading_[node], at, "I9", fmt::format("node {} was elected twice", node));
  must(!work_running, at, "I9", fmt::format("node {} leads epoch {} while older work runs", node, epoch));
  leading_[node] = true;
  claims_[node].excused = false;
}

void Oracle::deposed(Nanoseconds at, int node) {
  must(leading_[node], at, "I9", fmt::format("node {} was deposed and did not lead", node));
  leading_[node] = false;
}

void Oracle::process_gone(int node) {
  leading_[node] = false;
  claims_.erase(node);
  calls_.erase(node);
  failing_calls_.erase(node);
}

void Oracle::called(Nanoseconds at, int node, bool failing) {
  const auto count = [&](std::deque<Nanoseconds>& calls, size_t most, const char* what) {
    calls.push_back(at);
    while (calls.front() <= at - kSecond) calls.pop_front();
    must(calls.size() <= most, at, "I8",
         fmt::format("node {} made {} {} in a second", node, calls.size(), what));
  };
  count(calls_[node], kCallsPerSecond, "calls");
  if (failing) count(failing_calls_[node], kFailingCallsPerSecond, "calls after a failure");
}

void Oracle::excuse_present_claims(Nanoseconds at) {
  excused_at_ = at;
  for (auto& [node, claim] : claims_) claim.excused = claim.until > at;
}

void Oracle::forget_epochs() {
  highest_ = 0;
  holders_.clear();
}

}  // namespace syncnode::test
