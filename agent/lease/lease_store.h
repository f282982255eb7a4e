// LeaseStore: the port to the row that decides who writes (sync_metadata.leader_election).
// Each call is one transaction with its own deadline. No call decides anything: the caller compares
// deadlines. An error never preserves leadership: a caller that gets one keeps only the deadline it already
// had.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/term.h"

namespace syncnode {

// What the server granted, anchored at the instant the request was *sent*.
struct Grant {
  Term term;
  Deadline expires;  // t_send + remaining as the server told it; never later than the server's own expiry
};

struct LeaseObservation {
  std::string leader_id;  // last holder, "" when never held
  std::string leader_host_id;
  std::string nonce;  // of that term
  int64_t epoch = 0;
  int64_t renew_seq = 0;
  std::chrono::milliseconds remaining{0};  // by the server's clock; <= 0 is expired or released
  bool released = false;                   // given back, or never held: nobody claims to lead
};

class LeaseStore {
 public:
  virtual ~LeaseStore() = default;

  // Takes an expired or released lease. Nothing: somebody else holds it. Not idempotent: on kOutcomeUnknown
  // observe() and compare the nonce.
  virtual Result<std::optional<Grant>> acquire(std::chrono::seconds lease, Deadline deadline) = 0;
  // The same of a lease that was given back; one that merely ran out is not taken.
  virtual Result<std::optional<Grant>> acquire_released(std::chrono::seconds lease, Deadline deadline) = 0;
  // Takes the lease of a holder whose process is proven dead, expired or not: only while the row still shows
  // exactly that term (leader, host, epoch, nonce). Nothing: it does not. Not idempotent either.
  virtual Result<std::optional<Grant>> take_over(const LeaseObservation& dead, std::chrono::seconds lease,
                                                 Deadline deadline) = 0;
  // Extends exactly this term while it is unexpired. kFenced when the row says anything else.
  virtual Result<Grant> renew(const Term& term, std::chrono::seconds lease, Deadline deadline) = 0;
  // Gives the term back (expires_at = 1970). Releasing a term that is gone is a success.
  virtual Status release(const Term& term, Deadline deadline) = 0;
  virtual Result<LeaseObservation> observe(Deadline deadline) = 0;

  // This node is alive: its row in sync_metadata.hosts says so. Judges nobody's leadership.
  virtual Status beat(Deadline deadline) = 0;

  // Sleeps until notices for this cluster came (what was said after the cluster's name), `wake_fd` is
  // readable or the deadline passed: the latter two give none. A notice is a hint and may be lost; where none
  // can come (a transaction-mode pooler, no connection) this is a plain wait. kUnavailable: the connection
  // ended meanwhile.
  virtual Result<std::vector<std::string>> wait(Deadline deadline, int wake_fd) = 0;
  // Nothing will be asked for a while: what others could use meanwhile is given back (a pooler's server
  // connection), and the next call gets it anew.
  virtual void rest() {}
  // Notices were seen to arrive on the present connection.
  virtual bool hears_notices() const { return false; }
  // The last call failed behind a pooler that let it in and had no server connection for it: the server may
  // well serve others.
  virtual bool kept_waiting() const { return false; }
};

// What a notice says after the cluster's name when a lease was given back: this, and the nonce of who did.
inline constexpr char kReleasedNotice[] = "lease released ";

}  // namespace syncnode
