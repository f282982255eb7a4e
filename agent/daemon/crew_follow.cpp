// Crew, what it does without the database: following the live clients, and finding that a client needs no
// run.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "daemon/crew.h"

namespace syncnode::daemon {
namespace {

// Of tests alone, and no setting: what arrives without a single event was found by the timer.
bool drops_events() {
  return std::getenv("SYNC_NODE_TEST_DROP_INOTIFY") != nullptr;
}

}  // namespace

// Under the lock. Without a follower the live clients are looked at as seldom as the scheduler does.
void Crew::follow_clients(std::vector<follow::Followed> clients) {
  const bool any_live = std::any_of(clients.begin(), clients.end(), [](const auto& one) { return one.live; });
  if (!follower_ && !any_live) return;
  if (!follower_) {
    follow::Callbacks callbacks;
    callbacks.changed = [this](const std::string& client) { source_changed(client); };
    auto started = follow::Follower::start(std::move(callbacks), log_, {.deaf = drops_events()});
    if (!started) return log_.error("live clients cannot be followed: " + started.error().to_string());
    follower_ = std::move(*started);
  }
  follower_->follow(std::move(clients));
}

void Crew::source_changed(const std::string& client) {
  {
    const std::lock_guard lock(mutex_);
    if (!reign() || !scheduler_.changed(client, BootClock::now())) return;
  }
  changed_.notify_all();
}

// What a run that begins now goes by; under the lock.
RunBasis Crew::basis_of(const schedule::Client& client) const {
  const auto record = records_.find(client.name);
  return {client.sqlite_path, record == records_.end() ? "" : record->second.decided, settings_.get(),
          settings_.policy()};
}

RunBasis Crew::basis_now(const schedule::Client& client) const {
  const std::lock_guard lock(mutex_);
  return basis_of(client);
}

// Looked at before a run reads it, so that what is written meanwhile shows next time. An error is the run's
// to tell.
std::optional<Crew::Before> Crew::look_before(RunBasis basis, const Result<sync::RunOptions>& options) {
  if (!options) return std::nullopt;
  auto state = follow::FileState::of(*options->sqlite_path);
  if (!state) return std::nullopt;
  return Before{std::move(basis), *state};
}

bool Crew::is_unchanged(const schedule::Job& job, const Before& before) const {
  if (!job.job_id.empty()) return false;  // somebody asked for it
  const std::lock_guard lock(mutex_);
  return shipped_.needs_no_run(job.client, before.basis, before.state, BootClock::now());
}

// No job, no statement, no event: only that it was looked at.
void Crew::end_unchanged(const schedule::Job& job, std::chrono::system_clock::time_point as_of) {
  metrics_.unchanged();
  bool last = false;
  {
    const std::lock_guard lock(mutex_);
    running_.erase(job.client);
    scheduler_.finished(job, schedule::Outcome::kSucceeded, BootClock::now());
    alone_until_ = {};
    const auto record = records_.find(job.client);
    if (record != records_.end()) record->second.current_as_of = as_of;
    last = scheduler_.running() == 0 && !reign();
  }
  if (last) idle_();
}

}  // namespace syncnode::daemon
