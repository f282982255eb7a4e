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

std::optional<Job> Scheduler::next_requested() {
  auto ready = [this](const Job& job) { return running_.count(job.client) == 0; };
  auto found = std::find_if(waiting_.begin(), waiting_.end(), ready);
  if (found == waiting_.end()) return std::nullopt;
  Job job = std::move(*found);
  waiting_.erase(found);
  return job;
}

Scheduler::Choice Scheduler::next(Deadline now) {
  Choice choice{std::nullopt, Deadline::max()};
  if (running_.size() >= workers_) return choice;  // the end of a job is the next event
  choice.job = next_requested();
  if (!choice.job) {
    const Slot* most_overdue = nullptr;
    for (const auto& [name, slot] : slots_) {
      if (!slot.client.enabled || running_.count(name) > 0) continue;
      if (slot.when() > now) {
        choice.look_again = std::min(choice.look_again, slot.when());
      } else if (most_overdue == nullptr || slot.when() < most_overdue->when()) {
        most_overdue = &slot;
      }
    }
    if (most_overdue != nullptr) {
      Job due;
      due.client = most_overdue->client.name;
      choice.job = std::move(due);
    }
  }
  if (choice.job) {
    running_.insert(choice.job->client);
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
