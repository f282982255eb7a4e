// Scheduler: which client is synced next. The server says how long each interval still runs; this adds
// jitter, so that many clients do not come due together, lets a failing client back off alone, puts what was
// asked for before what is merely due, makes a live client due when it changed, and never gives out two jobs
// of one client at once, nor more than `workers`, nor bulk to the last worker that is free of it, where there
// are two: what changed is shipped while whole databases move. Refuses to know clocks, threads and databases:
// `now` is given. Its owner serialises the calls.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/job_kind.h"

namespace syncnode::schedule {

// What client_due.sql answers.
struct Client {
  std::string name, sqlite_path;
  bool enabled = false;                 // synced by its interval; a disabled one only when asked for
  std::chrono::milliseconds due_in{0};  // by the server's clock; negative: overdue
  std::chrono::seconds interval{0};     // of a live one: between two looks that nothing asked for
  std::string container{};              // its name on this host; "" when none was registered
  bool live = false;                    // due whenever it changed
  bool unsynced = false;                // never was: its next sync moves all of it

  bool is_where(const Client& other) const {
    return sqlite_path == other.sqlite_path && container == other.container;
  }
};

struct Job {
  std::string client;
  std::string job_id;  // of sync_jobs; "" for one that the interval asks for
  JobKind kind = JobKind::kSync;
  std::string triggered_by = "scheduled";
};

enum class Outcome {
  kSucceeded,
  kFailed,
  kCancelled,
  kPostponed,  // it did not get to begin, which is not its client's fault: it is as due as before
};

class Scheduler {
 public:
  Scheduler(size_t workers, uint64_t seed) : workers_(workers), random_(seed | 1) {}

  // Replaces what was listed before; running jobs and back-offs stay.
  void listed(const std::vector<Client>& clients, Deadline now);
  void requested(Job job);
  // A live client was written to. However often that is said before its job begins, that job answers it; said
  // while one runs, it asks for one more. True: it may be due sooner than was known.
  bool changed(const std::string& name, Deadline now);
  // Takes a waiting job out again; false when none of this id waits.
  bool withdraw(const std::string& job_id);
  // Forgets everything but what runs: another node leads.
  void clear();

  struct Choice {
    std::optional<Job> job;  // to start now; counts as running from here on
    Deadline look_again;     // when there is none
  };
  Choice next(Deadline now);
  bool has_work(Deadline now) const;  // next() would give out a job
  void finished(const Job& job, Outcome outcome, Deadline now);

  const Client* find(const std::string& name) const;
  size_t running() const { return running_.size(); }
  size_t waiting() const { return waiting_.size(); }
  bool is_failing(const std::string& name) const;
  // It moves, or reads, a whole database.
  bool is_bulk(const Job& job) const;

  // Between the end of a live client's job and the next one: what comes meanwhile goes together.
  static constexpr std::chrono::milliseconds kGap{5};
  static constexpr std::chrono::seconds kLiveInterval{60};
  static constexpr std::chrono::seconds kFirstBackoff{5};
  static constexpr std::chrono::seconds kLongestBackoff{300};  // or the interval, whichever is longer

 private:
  struct Slot {
    Client client;
    Deadline due;                     // by interval, as last known
    Deadline not_before;              // jitter after a success, back-off after a failure
    std::optional<Deadline> changed;  // of a live client, and no job has begun since
    Deadline gap_until;
    std::chrono::seconds backoff{0};  // 0: the last run did not fail
    bool listed = true;
    bool moved = false;  // elsewhere than when it was synced last: due at once
    Deadline when() const {
      if (backoff.count() > 0) return not_before;
      return changed ? std::max(*changed, gap_until) : std::max(due, not_before);
    }
  };
  std::optional<Job> next_requested();
  std::optional<Job> next_due(Deadline now, Deadline& look_again) const;
  bool may_begin(const Job& job) const;
  std::chrono::nanoseconds jitter(std::chrono::seconds span);

  const size_t workers_;
  std::map<std::string, Slot> slots_;
  std::deque<Job> waiting_;
  std::map<std::string, bool> running_;  // clients; whether it is bulk
  uint64_t random_;
};

}  // namespace syncnode::schedule
