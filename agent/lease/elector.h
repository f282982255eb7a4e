// Elector: runs an Election on a LeaseStore: one thread, every call with a deadline, sleeping between
// decisions until something happens. Holds the term while this node leads and says who leads otherwise.
// Refuses to do the work: its owner starts it in elected(), ends it when the token says so, and says
// work_ended(); before that a term is neither given back nor followed by another. All methods from any thread
// unless said.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "lease/election.h"
#include "lease/lease_store.h"
#include "lease/term_watch.h"

namespace syncnode::lease {

struct ElectorIdentity {
  std::string cluster_name;
  std::string leader_id;  // "openwebui-sync-node-a"
  std::string nonce;      // of this process: the same as in its lock file and in its LeaseStore
};

struct LeadershipFacts {
  bool leading = false;
  std::optional<Term> term;  // while leading
  std::string leader_id;     // who holds the lease as far as is known, "" when nobody
  std::string leader_nonce;
  int64_t epoch = 0;                   // of the row as last seen
  std::optional<Deadline> lease_ends;  // own, or the observed leader's
  Deadline act_until{};                // while leading
  Role role = Role::kStandby;
  std::string sentence;             // what is being done and why
  bool database_reachable = false;  // the last call was answered, or is merely kept_waiting
  bool kept_waiting = false;        // by a pooler without a server connection to spare, for less than a lease
  bool hears_notices = false;       // else what others change must be looked for
  std::optional<Deadline> last_contact;
  std::string last_error;                              // "" after a call that went well
  uint64_t attempts = 0, successes = 0, failures = 0;  // to take the lease
  uint64_t calls = 0;                                  // transactions of any kind
};

// Called on the elector's thread: must be quick and must not wait. elected() and deposed() alternate.
class ElectorListener {
 public:
  virtual ~ElectorListener() = default;
  virtual void elected(const Term& term, std::stop_token term_over) = 0;
  // The store is about to be asked for a free lease: elected() may follow within moments, or not at all.
  virtual void taking() {}
  // `term_over` was stopped before, at the latest at the step-down deadline; the work must end now.
  virtual void deposed(const Error& why) = 0;
  // A notice for this cluster that is not about the lease (cache events). May be lost, may come twice.
  virtual void notice(const std::string& payload) = 0;
  // Whenever what facts() tells changed in role, leader or epoch.
  virtual void facts_changed() {}
  // The leader will ask the store then, for a renewal or a mark, unless something happens before. Said again
  // at each sleep.
  virtual void renews_at(Deadline /*when*/) {}
  // The lease was renewed once more, which took so long from asking to knowing.
  virtual void renewed(std::chrono::nanoseconds /*took*/) {}
};

class Elector {
 public:
  // `listener` outlives the elector.
  static Result<std::unique_ptr<Elector>> start(std::unique_ptr<LeaseStore> store, ElectorIdentity identity,
                                                const ElectionTimes& times, ElectorListener& listener);
  Elector(const Elector&) = delete;
  Elector& operator=(const Elector&) = delete;
  ~Elector();  // stops as with a deadline that has passed: leads no more, gives nothing back

  bool may_act() const { return watch_->may_act(); }  // compares the clock at every call
  LeadershipFacts facts() const;

  // Gives the term back once its work has ended, and lets others go first for that long (at least 2 s, unless
  // nobody else does).
  void step_down(BootClock::duration hold_off);
  void wake();                                 // something may have changed: look soon
  void proven_dead(const std::string& nonce);  // peer::PeerWatch's proof
  void work_ended();                           // of the last term
  // kInvalidArgument: a bad order; the old times stay.
  Status retime(const ElectionTimes& times);

  // Leads no more, waits for the work to end, gives the lease back, ends the thread. kDeadlineExceeded when
  // the work did not end in time: then the lease is left to expire. Once.
  Status stop(Deadline deadline);

  // Moves whenever the loop turned, at least every two seconds and one attempt: for the watchdog.
  uint64_t turns() const { return turns_.load(); }

 private:
  struct Inbox {
    bool hint = false, work_ended = false;
    std::vector<std::string> dead;
    std::optional<BootClock::duration> step_down;
    std::optional<ElectionTimes> times;
    std::optional<Deadline> stop_by;
  };

  Elector(std::unique_ptr<LeaseStore> store, ElectorIdentity identity, const ElectionTimes& times,
          ElectorListener& listener, std::unique_ptr<TermWatch> watch);
  void post(const std::function<void(Inbox&)>& news);
  void run();
  void read_news();
  void settle();
  bool publish();  // true when role, leader or epoch changed
  void wait(Deadline until);
  void act(const Decision& decision);
  void take(const Decision& decision, Deadline sent, Deadline deadline);
  void renew(const Decision& decision, Deadline sent, Deadline deadline);
  void give_back(const Decision& decision, Deadline sent, Deadline deadline);
  void failed(const Error& error, Deadline sent);
  void contact();
  double chance();

  const std::unique_ptr<LeaseStore> store_;
  const ElectorIdentity identity_;
  ElectorListener& listener_;
  const std::unique_ptr<TermWatch> watch_;
  const UniqueFd wake_;  // eventfd
  std::atomic<uint64_t> turns_{0};

  // Of the elector's thread.
  Election election_;
  bool reported_ = false;  // the listener believes that this node leads
  std::minstd_rand random_{std::random_device{}()};
  LeadershipFacts draft_;

  mutable std::mutex mutex_;
  Inbox inbox_;
  LeadershipFacts facts_;
  std::thread thread_;
};

}  // namespace syncnode::lease
