// FakeLeaseStore: the lease row in memory, with the rules of sql/queries/lease_*.sql. Several stores share
// one FakeLease, as several nodes share the row. tests/lease/lease_store_contract_test.cpp holds it to what
// PostgreSQL does. Thread-safe; nothing here waits unless a test says so through `before_renew`.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "lease/lease_store.h"

namespace syncnode::test {

struct FakeLease {
  std::mutex mutex;
  std::string leader_id, leader_host_id, nonce;
  int64_t epoch = 0;
  int64_t renew_seq = 0;
  Deadline expires{};  // the epoch of BootClock: never held, or released
};

class FakeLeaseStore final : public LeaseStore {
 public:
  FakeLeaseStore(std::shared_ptr<FakeLease> lease, std::string cluster, std::string leader_id,
                 std::string nonce, int64_t seen_epoch = 0)
      : lease_(std::move(lease)),
        cluster_(std::move(cluster)),
        leader_id_(std::move(leader_id)),
        nonce_(std::move(nonce)),
        highest_seen_(seen_epoch) {}

  // Runs before every renewal, outside the lock; an error is returned to the caller instead of renewing.
  std::function<Status(Deadline)> before_renew;

  Result<std::optional<Grant>> acquire(std::chrono::seconds lease, Deadline /*deadline*/) override {
    const std::lock_guard lock(lease_->mutex);
    highest_seen_ = std::max(highest_seen_, lease_->epoch);
    if (lease_->expires > BootClock::now()) return std::optional<Grant>();
    lease_->leader_id = leader_id_;
    lease_->nonce = nonce_;
    lease_->epoch = ++highest_seen_;
    ++lease_->renew_seq;
    lease_->expires = deadline_in(lease);
    return std::optional(Grant{{cluster_, leader_id_, nonce_, lease_->epoch}, lease_->expires});
  }

  Result<Grant> renew(const Term& term, std::chrono::seconds lease, Deadline deadline) override {
    if (before_renew) SN_TRY(before_renew(deadline));
    const std::lock_guard lock(lease_->mutex);
    if (!is_current(term) || lease_->expires <= BootClock::now()) {
      return Error{ErrorCode::kFenced, "the term is over", ""};
    }
    ++lease_->renew_seq;
    lease_->expires = deadline_in(lease);
    return Grant{term, lease_->expires};
  }

  Status release(const Term& term, Deadline /*deadline*/) override {
    const std::lock_guard lock(lease_->mutex);
    if (is_current(term)) lease_->expires = Deadline{};
    return {};
  }

  Result<LeaseObservation> observe(Deadline /*deadline*/) override {
    const std::lock_guard lock(lease_->mutex);
    highest_seen_ = std::max(highest_seen_, lease_->epoch);
    return LeaseObservation{
        lease_->leader_id, lease_->leader_host_id,
        lease_->nonce,     lease_->epoch,
        lease_->renew_seq, std::chrono::floor<std::chrono::milliseconds>(lease_->expires - BootClock::now())};
  }

 private:
  bool is_current(const Term& term) const {
    return lease_->leader_id == term.leader_id && lease_->epoch == term.epoch && lease_->nonce == term.nonce;
  }

  const std::shared_ptr<FakeLease> lease_;
  const std::string cluster_, leader_id_, nonce_;
  int64_t highest_seen_;
};

}  // namespace syncnode::test
