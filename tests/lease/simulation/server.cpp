#include "lease/simulation/server.h"

#include <algorithm>

namespace syncnode::test {
namespace {

constexpr Nanoseconds kMillisecond = 1'000'000;
constexpr Nanoseconds kIdleInTransaction = 3000 * kMillisecond;

}  // namespace

bool SimulatedServer::is_current(const Term& term) const {
  return exists_ && leader_id_ == term.leader_id && epoch_ == term.epoch && nonce_ == term.nonce;
}

bool SimulatedServer::blocked() const {
  if (mutant_ == Mutant::kNoUniqueIndex || mutant_ == Mutant::kFenceWithoutLock) return false;
  return std::any_of(writers_.begin(), writers_.end(), [](const auto& one) { return one.second.fenced; });
}

Answer SimulatedServer::take(Nanoseconds now, const Caller& caller, const lease::Decision& decision,
                             Nanoseconds lease, bool end_writers, Granted& granted) {
  const LeaseObservation* dead = decision.what == lease::Action::kTakeOver ? &decision.dead : nullptr;
  end_idle_writers(now);
  if (!up_ || !exists_) return Answer::kDown;
  const bool expired = decision.given_back ? expires_ == 0 : expires_ <= clock(now);
  const bool is_dead = dead != nullptr && leader_id_ == dead->leader_id && epoch_ == dead->epoch &&
                       nonce_ == dead->nonce && host_id_ == dead->leader_host_id;
  if (end_writers) {
    std::erase_if(writers_, [&](const auto& one) {
      return expires_ != 0 && (is_dead || (expired && one.second.began < expires_));
    });
  }
  if (dead != nullptr ? !is_dead : !expired) return Answer::kNo;
  if (blocked()) return Answer::kBlocked;
  leader_id_ = caller.leader_id;
  host_id_ = caller.host_id;
  nonce_ = caller.nonce;
  epoch_ = std::max(epoch_, caller.seen) + 1;
  ++renew_seq_;
  expires_ = clock(now) + lease;
  oracle_.granted(now, epoch_, nonce_);
  granted = {epoch_, lease, now, now + lease};
  return Answer::kYes;
}

Answer SimulatedServer::renew(Nanoseconds now, const Term& term, Nanoseconds lease, Granted& granted) {
  if (!up_) return Answer::kDown;
  const bool fits = mutant_ == Mutant::kRenewWithoutTerm ? exists_ : is_current(term);
  if (!fits || expires_ <= clock(now)) return Answer::kNo;
  oracle_.touched(now, term.nonce, nonce_);
  ++renew_seq_;
  expires_ = clock(now) + lease;
  granted = {term.epoch, lease, now, now + lease};
  return Answer::kYes;
}

Answer SimulatedServer::release(Nanoseconds now, const Term& term, bool& matched) {
  if (!up_) return Answer::kDown;
  matched = is_current(term);
  if (!matched) return Answer::kYes;
  oracle_.touched(now, term.nonce, nonce_);
  expires_ = 0;
  if (mutant_ == Mutant::kDeleteOnRelease) make_row();
  return Answer::kYes;
}

Answer SimulatedServer::observe(Nanoseconds now, LeaseObservation& row) const {
  if (!up_ || !exists_) return Answer::kDown;
  const auto left = std::chrono::nanoseconds(expires_ - clock(now));
  row = {leader_id_,   host_id_,   nonce_,
         epoch_,       renew_seq_, std::chrono::floor<std::chrono::milliseconds>(left),
         expires_ == 0};
  return Answer::kYes;
}

bool SimulatedServer::begin_write(Nanoseconds now, uint64_t writer, const Term& term) {
  if (!up_ || !is_current(term)) return false;
  writers_[writer] = {term, clock(now), now, false};
  return true;
}

bool SimulatedServer::fence(Nanoseconds now, uint64_t writer) {
  end_idle_writers(now);
  const auto found = writers_.find(writer);
  if (!up_ || found == writers_.end()) return false;
  found->second.heard = now;
  if (!is_current(found->second.term)) {
    writers_.erase(found);
    return false;
  }
  found->second.fenced = true;
  return true;
}

bool SimulatedServer::commit(Nanoseconds now, uint64_t writer) {
  end_idle_writers(now);
  const auto found = writers_.find(writer);
  if (!up_ || found == writers_.end()) return false;
  oracle_.committed(now, found->second.term.epoch, found->second.term.nonce);
  writers_.erase(found);
  return true;
}

void SimulatedServer::end_idle_writers(Nanoseconds now) {
  std::erase_if(writers_, [&](const auto& one) { return one.second.heard + kIdleInTransaction < now; });
}

void SimulatedServer::expire_row(Nanoseconds now, bool released) {
  expires_ = released ? 0 : std::min(expires_, clock(now));
}

bool SimulatedServer::delete_row() {
  if (blocked()) return false;
  exists_ = false;
  return true;
}

void SimulatedServer::make_row() {
  exists_ = true;
  leader_id_.clear();
  host_id_.clear();
  nonce_.clear();
  epoch_ = renew_seq_ = 0;
  expires_ = 0;
}

}  // namespace syncnode::test
