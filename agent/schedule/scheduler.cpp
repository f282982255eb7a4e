#include "schedule/scheduler.h"

#include <algorithm>
#include <utility>

namespace syncnode::schedule {

void Scheduler::listed(const std::vector<Client>& clients, Deadline now) {
  for (auto& [name, slot] : slots_) slot.listed = false;
  for (const Client& client : clients) {
    Slot& slot = slots_[client.name];
    // Whatever it was synced or failed for last, it is somewhere else now.
    if (!slot.client.name.empty() && !slot.client.is_where(client)) {
      slot.backoff = std::chrono::seconds(0);
      slot.not_before = Deadline();
      slot.moved = true;
    }
    // A new interval counts at once, not when the old one is over.
    if (slot.client.interval != client.interval && slot.backoff.count() == 0) slot.not_before = Deadline();
    if (!client.live) slot.changed.reset();
    slot.client = client;
    slot.due = slot.moved ? now : now + client.due_in;
    slot.listed = true;
  }
  std::erase_if(slots_, [](const auto& entry) { return !entry.second.listed; });
}

void Scheduler::requested(Job job) {
  auto same = [&](const Job& other) { return other.job_id == job.job_id; };
  if (!job.job_id.empty() && std::any_of(waiting_.begin(), waiting_.end(), same)) return;
  waiting_.push_back(std::move(job));
}

bool Scheduler::changed(const std::string& name, Deadline now) {
  const auto found = slots_.find(name);
  if (found == slots_.end() || !found->second.client.live || found->second.changed) return false;
  found->second.changed = now;
  return running_.count(name) == 0;
}

bool Scheduler::withdraw(const std::string& job_id) {
  return std::erase_if(waiting_, [&](const Job& job) { return job.job_id == job_id; }) > 0;
}

void Scheduler::clear() {
  waiting_.clear();
  slots_.clear();
}

bool Scheduler::is_bulk(const Job& job) const {
  const Client* client = find(job.client);
  return job.kind != JobKind::kSync || client == nullptr || client->unsynced;  // not listed: just registered
}

bool Scheduler::may_begin(const Job& job) const {
  if (running_.contains(job.client)) return false;
  const auto bulk = static_cast<size_t>(
      std::count_if(running_.begin(), running_.end(), [](const auto& one) { return one.second; }));
  return bulk < std::max<size_t>(workers_, 2) - 1 || !is_bulk(job);
}

std::optional<Job> Scheduler::next_requested() {
  auto found =
      std::find_if(waiting_.begin(), waiting_.end(), [this](const Job& job) { return may_begin(job); });
  if (found == waiting_.end()) return std::nullopt;
  Job job = std::move(*found);
  waiting_.erase(found);
  return job;
}

// The most overdue one that may begin. What may not waits for the end of a job, which is an event.
std::optional<Job> Scheduler::next_due(Deadline now, Deadline& look_again) const {
  std::optional<Job> first;
  Deadline since = Deadline::max();
  for (const auto& [name, slot] : slots_) {
    Job job;
    job.client = name;
    if (!slot.client.enabled || !may_begin(job)) continue;
    const Deadline when = slot.when();
    if (when > now) {
      look_again = std::min(look_again, when);
    } else if (!first || when < since) {
      first = std::move(job);
      since = when;
    }
  }
  return first;
}

Scheduler::Choice Scheduler::next(Deadline now) {
  Choice choice{std::nullopt, Deadline::max()};
  if (running_.size() >= workers_) return choice;  // the end of a job is the next event
  choice.job = next_requested();
  if (!choice.job) choice.job = next_due(now, choice.look_again);
  if (choice.job) {
    running_.emplace(choice.job->client, is_bulk(*choice.job));
    if (auto slot = slots_.find(choice.job->client); slot != slots_.end()) {
      slot->second.moved = false;
      slot->second.changed.reset();
    }
  }
  return choice;
}

bool Scheduler::has_work(Deadline now) const {
  Scheduler tried = *this;
  return tried.next(now).job.has_value();
}

void Scheduler::finished(const Job& job, Outcome outcome, Deadline now) {
  running_.erase(job.client);
  if (outcome == Outcome::kPostponed && !job.job_id.empty()) waiting_.push_back(job);
  auto found = slots_.find(job.client);
  if (found == slots_.end()) return;
  Slot& slot = found->second;
  if (slot.moved) return;  // what ended was about the place where it was before
  const auto interval = slot.client.interval;
  if (outcome == Outcome::kPostponed) {
    slot.not_before = now;  // behind those that are due longer
    if (slot.client.live) slot.changed = now;
    return;
  }
  if (outcome == Outcome::kFailed) {
    const auto longest = std::max(kLongestBackoff, interval);
    slot.backoff = slot.backoff.count() == 0 ? kFirstBackoff : std::min(slot.backoff * 2, longest);
    slot.not_before = now + slot.backoff + jitter(slot.backoff / 5);
    return;
  }
  slot.backoff = std::chrono::seconds(0);
  if (outcome == Outcome::kSucceeded) slot.client.unsynced = false;
  // Up to a tenth of the interval late, a new tenth each time.
  slot.not_before = now + interval + jitter(interval / 10);
  slot.gap_until = now + kGap;
}

const Client* Scheduler::find(const std::string& name) const {
  auto found = slots_.find(name);
  return found == slots_.end() ? nullptr : &found->second.client;
}

bool Scheduler::is_failing(const std::string& name) const {
  auto found = slots_.find(name);
  return found != slots_.end() && found->second.backoff.count() > 0;
}

std::chrono::nanoseconds Scheduler::jitter(std::chrono::seconds span) {
  // xorshift64: any spread will do, and a seed makes it repeatable.
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  const auto most = static_cast<uint64_t>(std::max<int64_t>(std::chrono::nanoseconds(span).count(), 1));
  return std::chrono::nanoseconds(static_cast<int64_t>(random_ % most));
}

}  // namespace syncnode::schedule
