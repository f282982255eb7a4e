// Shipped: what each client's database looked like before the last run that succeeded, and what else that run
// went by. While all of it is the same, another run would find nothing, and none is made. Known to this node
// for its term alone: who leads anew runs every client once. Plain value; its owner serialises.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "daemon/live_settings.h"
#include "follow/file_state.h"

namespace syncnode::daemon {

// What a run goes by beside the database itself. A reload makes new settings, be they equal.
struct RunBasis {
  std::string sqlite_path;
  std::string decided;  // by people, for this client (client_due.sql)
  LiveSettings::Pointer settings;
  LiveSettings::Policy policy;
  bool operator==(const RunBasis&) const = default;
};

class Shipped {
 public:
  // Even so a run is made from time to time: proofs have authors.
  static constexpr std::chrono::hours kLongest{6};

  void succeeded(const std::string& client, RunBasis basis, const follow::FileState& before, Deadline now);
  void forget(const std::string& client) { known_.erase(client); }
  void clear() { known_.clear(); }

  bool needs_no_run(const std::string& client, const RunBasis& basis, const follow::FileState& state,
                    Deadline now) const;
  // Its last run succeeded and went by something else.
  bool has_other_basis(const std::string& client, const RunBasis& basis) const;

 private:
  struct Known {
    RunBasis basis;
    follow::FileState state;
    Deadline at;
  };
  std::map<std::string, Known> known_;
};

}  // namespace syncnode::daemon
