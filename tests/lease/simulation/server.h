// SimulatedServer: the lease row, the fence and the clock of a PostgreSQL that can be asked, restarted and
// operated on in virtual time; with the mistakes a suite must notice, to be made on purpose. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "lease/election.h"
#include "lease/lease_store.h"
#include "lease/simulation/oracle.h"

namespace syncnode::test {

enum class Mutant {
  kNone,
  kFenceWithoutLock,      // the writer's check takes no lock
  kNoUniqueIndex,         // its lock does not conflict with a takeover
  kRenewWithoutTerm,      // renewal by cluster alone
  kDeleteOnRelease,       // the row goes, and with it the epoch
  kReceiveForSend,        // the client counts from the answer
  kBeliefSurvivesErrors,  // the client goes on leading when a renewal fails
};

struct Caller {
  std::string leader_id, host_id, nonce;
  int64_t seen = 0;
};

// What the server told, and what only the simulation knows.
struct Granted {
  int64_t epoch = 0;
  Nanoseconds remaining = 0;
  Nanoseconds at = 0, expires_at = 0;  // on the common clock
};

enum class Answer { kYes, kNo, kBlocked, kDown };

class SimulatedServer {
 public:
  SimulatedServer(Mutant mutant, Oracle& oracle) : mutant_(mutant), oracle_(oracle) {}

  Answer take(Nanoseconds now, const Caller& caller, const lease::Decision& decision, Nanoseconds lease,
              bool end_writers, Granted& granted);
  Answer renew(Nanoseconds now, const Term& term, Nanoseconds lease, Granted& granted);
  Answer release(Nanoseconds now, const Term& term, bool& matched);
  Answer observe(Nanoseconds now, LeaseObservation& row) const;

  // A fenced write in its three steps. False: the transaction is over.
  bool begin_write(Nanoseconds now, uint64_t writer, const Term& term);
  bool fence(Nanoseconds now, uint64_t writer);
  bool commit(Nanoseconds now, uint64_t writer);
  void abort(uint64_t writer) { writers_.erase(writer); }
  void end_idle_writers(Nanoseconds now);

  void go_down() { writers_.clear(), up_ = false; }
  void come_up() { up_ = true; }
  void step_clock(Nanoseconds by) { step_ += by; }
  void expire_row(Nanoseconds now, bool released);
  bool delete_row();  // false while a writer holds it
  void make_row();
  bool row_exists() const { return exists_; }

 private:
  struct Writer {
    Term term;
    Nanoseconds began = 0, heard = 0;
    bool fenced = false;
  };
  Nanoseconds clock(Nanoseconds now) const { return now + step_; }
  bool is_current(const Term& term) const;
  bool blocked() const;

  const Mutant mutant_;
  Oracle& oracle_;
  bool up_ = true, exists_ = true;
  std::string leader_id_, host_id_, nonce_;
  int64_t epoch_ = 0, renew_seq_ = 0;
  Nanoseconds expires_ = 0;  // by the server's clock; 0: released
  Nanoseconds step_ = 0;
  std::map<uint64_t, Writer> writers_;
};

}  // namespace syncnode::test
