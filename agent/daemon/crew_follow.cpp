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

// Under the lock. Without a follower the live clients are looked at as seldom as the scheduler does, and logs
// that were begun anew between two runs cost a reading of the file.
void Crew::follow_clients(std::vector<follow::Followed> clients) {
  if (!follower_ && clients.empty()) return;
  for (auto trail = trails_.begin(); trail != trails_.end();) {
    const bool listed = std::any_of(clients.begin(), clients.end(), [&](const auto& one) {
      return one.client == trail->first && one.path == trail->second->path();
    });
    trail = listed ? std::next(trail) : trails_.erase(trail);
  }
  if (!follower_) {
    follow::Callbacks callbacks;
    callbacks.changed = [this](const std::string& client) { source_changed(client); };
    callbacks.look = [this](const std::string& client, const std::string& path) {
      look_at_source(client, path);
    };
    callbacks.urgent = [this](const std::string& client, const std::string& path) {
      const auto trail = trail_of(client, path);
      return trail ? trail->follow_journals() : nullptr;
    };
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

void Crew::look_at_source(const std::string& client, const std::string& path) {
  if (const auto trail = trail_of(client, path)) trail->look();
}

// Nothing where the client is no longer listed with this path, or another node may follow it.
std::shared_ptr<capture::SourceTrail> Crew::trail_of(const std::string& client, const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!reign()) return nullptr;
  const auto record = records_.find(client);
  if (record == records_.end() || record->second.sqlite_path != path) return nullptr;
  auto& trail = trails_[client];
  if (!trail || trail->path() != path) trail = std::make_shared<capture::SourceTrail>(path);
  return trail;
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
