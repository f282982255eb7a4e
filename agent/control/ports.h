// What NodeControl needs of the rest of a node. Each is quick, never blocks and may be called from any
// thread, where it does not say otherwise.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/control.h"
#include "control/views.h"
#include "model/term.h"
#include "postgres/connection.h"
#include "schedule/scheduler.h"

namespace syncnode::control {

// The elector's side.
class Leadership {
 public:
  virtual ~Leadership() = default;
  virtual LeadershipView view() const = 0;
  virtual std::optional<Term> term() const = 0;  // while this node may act; nothing otherwise
  virtual void step_down() = 0;

  struct Contact {
    bool reachable = false;        // the last attempt got an answer, or waits in a pooler's queue
    bool kept_waiting = false;     // the latter
    std::optional<Deadline> last;  // when the database last answered; nothing: never yet
    std::string last_error;
  };
  virtual Contact contact() const = 0;
};

// The workers' side.
struct ClientFacts {
  std::string name;
  bool failing = false, starved = false, held = false;
  std::optional<double> lag_seconds;  // nothing: not known
  bool moved = false;                 // its container keeps its data elsewhere than where it was registered
  std::optional<double> checked_seconds{};  // since the copy was known to hold all of the source
};

class Jobs {
 public:
  virtual ~Jobs() = default;
  virtual void requested(schedule::Job job) = 0;  // it waits in sync_jobs already
  // Takes a waiting job out, or asks a running one to end. False when it is neither.
  virtual bool cancel(const std::string& job_id) = 0;
  virtual void clients_changed() = 0;  // look at the list again now
  virtual size_t running() const = 0;
  virtual size_t waiting() const = 0;
  // Nothing while this node does not lead: it does not look.
  virtual std::optional<std::vector<ClientFacts>> clients() const = 0;
};

// What carries out a person's decision about a conflict.
class Conflicts {
 public:
  virtual ~Conflicts() = default;
  // Blocks until `deadline`; called on the control's thread with its connection (sync/resolution.h). False
  // when it had been decided so before.
  virtual Result<bool> resolve(postgres::Connection& connection, const Term& term,
                               const Resolution& resolution, const std::string& by, Deadline deadline) = 0;
};

// The other node of this host, for a follower that was asked to write.
class OtherNode {
 public:
  virtual ~OtherNode() = default;
  // Blocks until `deadline`; called on the control's thread. kUnavailable when there is none.
  virtual Result<StateView> set_state(const std::string& caller, const std::string& key,
                                      const std::string& value, std::optional<int64_t> if_version,
                                      Deadline deadline) = 0;
};

}  // namespace syncnode::control
