// FakeLeaseStore: the lease row in memory, with the rules of sql/queries/lease_*.sql. Several stores share
// one FakeLease, as several nodes share the row. tests/lease/lease_store_contract_test.cpp holds it to what
// PostgreSQL does. Thread-safe; nothing here waits unless a test says so through `before`.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "lease/lease_store.h"

namespace syncnode::test {

class FakeLeaseStore;

struct FakeLease {
  std::mutex mutex;
  std::string leader_id, leader_host_id, nonce;
  int64_t epoch = 0;
  int64_t renew_seq = 0;
  Deadline expires{};  // the epoch of BootClock: never held, or released
  int beats = 0;
  std::vector<FakeLeaseStore*> stores;

  void notify(const std::string& text);  // to every store; `mutex` must be free
};

class FakeLeaseStore final : public LeaseStore {
 public:
  FakeLeaseStore(std::shared_ptr<FakeLease> lease, std::string cluster, std::string leader_id,
                 std::string nonce, int64_t seen_epoch = 0)
      : lease_(std::move(lease)),
        cluster_(std::move(cluster)),
        leader_id_(std::move(leader_id)),
        nonce_(std::move(nonce)),
        highest_seen_(seen_epoch) {
    const std::lock_guard lock(lease_->mutex);
    lease_->stores.push_back(this);
  }
  ~FakeLeaseStore() override {
    const std::lock_guard lock(lease_->mutex);
    std::erase(lease_->stores, this);
  }

  // Runs before every renewal, outside the lock; an error is returned to the caller instead of renewing.
  std::function<Status(Deadline)> before_renew;
  // The same before any call ("acquire", "take_over", "renew", "release", "observe", "beat") and after it: an
  // error after it is an answer that was lost.
  std::function<Status(std::string_view)> before, after;
  bool hears = true;   // notices arrive
  bool waits = false;  // as behind a pooler that keeps its clients waiting
  std::atomic<int> rests{0};

  Result<std::optional<Grant>> acquire(std::chrono::seconds lease, Deadline /*deadline*/) override {
    return take("acquire", lease, [this] { return lease_->expires <= BootClock::now(); });
  }

  Result<std::optional<Grant>> acquire_released(std::chrono::seconds lease, Deadline /*deadline*/) override {
    return take("acquire", lease, [this] { return lease_->expires == Deadline{}; });
  }

  Result<std::optional<Grant>> take_over(const LeaseObservation& dead, std::chrono::seconds lease,
                                         Deadline /*deadline*/) override {
    return take("take_over", lease, [&] {
      return lease_->leader_id == dead.leader_id && lease_->leader_host_id == dead.leader_host_id &&
             lease_->epoch == dead.epoch && lease_->nonce == dead.nonce;
    });
  }

  Result<Grant> renew(const Term& term, std::chrono::seconds lease, Deadline deadline) override {
    SN_TRY(call(before, "renew"));
    if (before_renew) SN_TRY(before_renew(deadline));
    const Deadline sent = BootClock::now();
    {
      const std::lock_guard lock(lease_->mutex);
      if (!is_current(term) || lease_->expires <= BootClock::now()) {
        return Error{ErrorCode::kFenced, "the term is over", ""};
      }
      ++lease_->renew_seq;
      lease_->expires = BootClock::now() + lease;
    }
    SN_TRY(call(after, "renew"));
    return Grant{term, sent + lease};
  }

  Status release(const Term& term, Deadline /*deadline*/) override {
    SN_TRY(call(before, "release"));
    bool matched = false;
    {
      const std::lock_guard lock(lease_->mutex);
      matched = is_current(term);
      if (matched) lease_->expires = Deadline{};
    }
    if (matched) lease_->notify(kReleasedNotice + term.nonce);
    return call(after, "release");
  }

  Result<LeaseObservation> observe(Deadline /*deadline*/) override {
    SN_TRY(call(before, "observe"));
    LeaseObservation seen;
    {
      const std::lock_guard lock(lease_->mutex);
      highest_seen_ = std::max(highest_seen_, lease_->epoch);
      const auto left = std::chrono::floor<std::chrono::milliseconds>(lease_->expires - BootClock::now());
      seen = {lease_->leader_id,
              lease_->leader_host_id,
              lease_->nonce,
              lease_->epoch,
              lease_->renew_seq,
              left,
              lease_->expires == Deadline{}};
    }
    SN_TRY(call(after, "observe"));
    return seen;
  }

  Status beat(Deadline /*deadline*/) override {
    SN_TRY(call(before, "beat"));
    {
      const std::lock_guard lock(lease_->mutex);
      ++lease_->beats;
    }
    return call(after, "beat");
  }

  void rest() override { ++rests; }
  bool kept_waiting() const override { return waits; }

  Result<std::vector<std::string>> wait(Deadline deadline, int wake_fd) override {
    std::array<pollfd, 2> woken{pollfd{wake_fd, POLLIN, 0}, pollfd{bell_.get(), POLLIN, 0}};
    while (::poll(woken.data(), woken.size(), poll_milliseconds(deadline)) == 0 &&
           BootClock::now() < deadline) {
    }
    uint64_t rings = 0;
    static_cast<void>(!::read(bell_.get(), &rings, sizeof rings));
    const std::lock_guard lock(lease_->mutex);
    return std::exchange(inbox_, {});
  }

 private:
  friend struct FakeLease;

  Status call(const std::function<Status(std::string_view)>& hook, std::string_view name) const {
    return hook ? hook(name) : Status();
  }

  Result<std::optional<Grant>> take(std::string_view name, std::chrono::seconds lease,
                                    const std::function<bool()>& may) {
    SN_TRY(call(before, name));
    const Deadline sent = BootClock::now();
    Grant grant;
    {
      const std::lock_guard lock(lease_->mutex);
      highest_seen_ = std::max(highest_seen_, lease_->epoch);
      if (!may()) return std::optional<Grant>();
      lease_->leader_id = leader_id_;
      lease_->nonce = nonce_;
      lease_->epoch = ++highest_seen_;
      ++lease_->renew_seq;
      lease_->expires = BootClock::now() + lease;
      grant = {{cluster_, leader_id_, nonce_, lease_->epoch}, sent + lease};
    }
    SN_TRY(call(after, name));
    return std::optional(grant);
  }

  bool is_current(const Term& term) const {
    return lease_->leader_id == term.leader_id && lease_->epoch == term.epoch && lease_->nonce == term.nonce;
  }

  const std::shared_ptr<FakeLease> lease_;
  const std::string cluster_, leader_id_, nonce_;
  int64_t highest_seen_;
  const UniqueFd bell_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::vector<std::string> inbox_;  // under the lease's mutex
};

inline void FakeLease::notify(const std::string& text) {
  const std::lock_guard lock(mutex);
  for (FakeLeaseStore* store : stores) {
    if (!store->hears) continue;
    store->inbox_.push_back(text);
    const uint64_t one = 1;
    static_cast<void>(!::write(store->bell_.get(), &one, sizeof one));
  }
}

}  // namespace syncnode::test
