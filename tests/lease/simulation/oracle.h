// Oracle: sees every grant, commit and belief of a simulated cluster on one common clock, keeps them for
// ever, and says which invariant broke first. Refuses to know how anything works.
//   I1 no row of an epoch commits after a higher epoch was granted     I2 epochs grow, each has one holder
//   I3 claims of different nodes never overlap                         I4 a leader exists again within the
//   bound I5 no transition without a fault                                   I6 a term is changed by its
//   holder only I7 nobody may act once the lease is over by the server             I8 the rate of calls is
//   bounded I9 gain and loss alternate
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace syncnode::test {

using Nanoseconds = int64_t;

class Oracle {
 public:
  void granted(Nanoseconds at, int64_t epoch, const std::string& nonce);
  void committed(Nanoseconds at, int64_t epoch, const std::string& nonce);
  // `nonce` changed the row's term (`row_nonce`) without being granted a new one.
  void touched(Nanoseconds at, const std::string& nonce, const std::string& row_nonce);
  // Node `node` believes it may act until then; an extension repeats it.
  // What the server granted at `since`, lasting until `server_expiry`.
  void claims(Nanoseconds at, int node, Nanoseconds until, Nanoseconds since, Nanoseconds server_expiry);
  void claims_no_more(Nanoseconds at, int node);
  void elected(Nanoseconds at, int node, int64_t epoch, bool work_running);
  void deposed(Nanoseconds at, int node);
  void process_gone(int node);
  void called(Nanoseconds at, int node, bool failing);
  // The operator or a clock step moved the lease under its holder: its present claim may overlap another's.
  void excuse_present_claims(Nanoseconds at);  // also those on their way
  void forget_epochs();                        // the row was deleted: only (epoch, nonce) stays unique

  void must(bool holds, Nanoseconds at, const char* invariant, const std::string& what);

  const std::optional<std::string>& broken() const { return broken_; }
  size_t grants() const { return grants_.size(); }
  size_t commits() const { return commits_; }
  Nanoseconds last_grant_at() const { return grants_.empty() ? 0 : grants_.back().at; }
  int64_t last_epoch() const { return grants_.empty() ? 0 : grants_.back().epoch; }

 private:
  struct Granted {
    Nanoseconds at;
    int64_t epoch;
    std::string nonce;
  };
  struct Claim {
    Nanoseconds until = 0;
    bool excused = false;
  };

  std::vector<Granted> grants_;  // append only
  std::map<int64_t, std::string> holders_;
  int64_t highest_ = 0;
  size_t commits_ = 0;
  std::map<int, Claim> claims_;
  std::map<int, bool> leading_;
  std::map<int, std::deque<Nanoseconds>> calls_;
  std::map<int, std::deque<Nanoseconds>> failing_calls_;
  Nanoseconds excused_at_ = -1;
  std::optional<std::string> broken_;
};

}  // namespace syncnode::test
