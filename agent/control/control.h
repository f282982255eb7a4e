// Control: everything a person or a program may ask of a node, once. D-Bus, HTTP and the CLI translate into
// these calls and back; validation, permission and audit are in here, so they cannot differ. Refuses to
// block: a call that needs the database answers later, from the control's own thread, always exactly once.
// Callable from any thread; `done` must be quick and must not call back into a Control that is ending.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/conflict_detail.h"
#include "control/views.h"

namespace syncnode::control {

// Who asks. The door (bus or HTTP) proves it: polkit's answer, or the bearer token.
struct Caller {
  std::string name;         // for the audit: "uid 1000 over D-Bus", "HTTP 127.0.0.1"
  bool may_read = false;    // may see clients' data
  bool may_change = false;  // may change anything
  bool forwarded = false;   // by the other node: never forwarded again
};

template <typename T>
using Done = std::function<void(Result<T>)>;

struct TriggerRequest {
  std::string client_name;
  bool full = false;    // compare everything with the copy instead of trusting what was remembered
  bool verify = false;  // sync, then compare; the job's report says what was found
};

struct StateWrite {
  std::string key;
  std::string value;                  // JSON text
  std::optional<int64_t> if_version;  // kAborted when the stored version is another
};

struct Resolution {
  std::string conflict_id;
  std::string choice;                // "source", "target", "merge", "value"
  std::string value;                 // JSON text, for "value"
  std::optional<int64_t> version{};  // ConflictView::version that was seen; kAborted when it is another
};

struct BulkResolution {
  std::string client_name;                               // whose conflicts
  std::optional<std::string> table_name, conflict_type;  // only these
  std::string choice;                                    // "source", "target", "merge"
};

class Control {
 public:
  virtual ~Control() = default;

  // Answered at once, from memory; open to everybody on this host.
  virtual LeadershipView leadership() const = 0;
  virtual HealthView health() const = 0;
  virtual std::string metrics() const = 0;  // Prometheus text format; "" when ENABLE_METRICS=false

  virtual void cluster(Done<std::vector<ClusterHostView>> done) = 0;

  // kPermissionDenied without the right; kInvalidArgument for what cannot be meant; kNotFound.
  // What changes a client's copy or the state is the leader's: on a follower kFenced, with the leader's name
  // in the message; only set_state is forwarded to the leader.
  virtual void deployments(const Caller& caller, Done<std::vector<DeploymentView>> done) = 0;
  virtual void job(const Caller& caller, std::string job_id, Done<JobView> done) = 0;
  virtual void jobs(const Caller& caller, std::string client_name, int64_t limit,
                    Done<std::vector<JobView>> done) = 0;
  virtual void trigger(const Caller& caller, TriggerRequest request, Done<std::string> done) = 0;  // job id
  virtual void cancel(const Caller& caller, std::string job_id, Done<void> done) = 0;
  virtual void set_enabled(const Caller& caller, std::string client_name, bool enabled, Done<void> done) = 0;
  virtual void step_down(const Caller& caller, Done<void> done) = 0;

  virtual void get_state(const Caller& caller, std::string key, Done<StateView> done) = 0;
  virtual void set_state(const Caller& caller, StateWrite write, Done<StateView> done) = 0;

  virtual void conflicts(const Caller& caller, ConflictFilter filter,
                         Done<std::vector<ConflictView>> done) = 0;  // without their rows
  // By its id or the beginning of it, 4 characters at least. kInvalidArgument when several begin so.
  virtual void conflict(const Caller& caller, std::string conflict_id, Done<ConflictDetail> done) = 0;
  virtual void resolve(const Caller& caller, Resolution resolution, Done<ConflictView> done) = 0;
  // Each that waits is decided about as by resolve(), as far as the time of one request goes.
  virtual void resolve_all(const Caller& caller, BulkResolution resolution, Done<BulkView> done) = 0;
};

// What happens on the node, for who listens (the bus emits it as signals). Called from the node's threads;
// must be quick and thread-safe.
class Events {
 public:
  virtual ~Events() = default;
  virtual void leadership_changed(const LeadershipView& now) = 0;
  virtual void job_started(const std::string& job_id, const std::string& client_name) = 0;
  virtual void job_progress(const std::string& job_id, const std::string& table, int64_t done,
                            std::optional<int64_t> total) = 0;
  virtual void job_finished(const std::string& job_id, const std::string& client_name,
                            const std::string& status) = 0;
};

}  // namespace syncnode::control
