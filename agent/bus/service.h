// Service: a node's door to D-Bus. Owns the instance's name, stands in the queue for the shared one (the
// leader at its head), answers by control::Control, emits its events, and passes two hints on: the other node
// of this host came or went, the host is about to sleep or to stop. Refuses to decide anything: who leads is
// PostgreSQL's to say, who may is root's and polkit's. A bus that is lost is connected to again; meanwhile
// the node works on. One thread of its own (Loop); every method here may be called from any other thread.
#pragma once

#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "bus/log_control.h"
#include "control/control.h"

namespace syncnode::bus {

struct ServiceOptions {
  char node = 'a';      // 'a' or 'b'
  std::string address;  // "": the system bus, or what DBUS_SYSTEM_BUS_ADDRESS names

  // Called on the bus thread: must be quick, and never wait for the Service.
  std::function<void()> peer_changed;                          // only a hint: look at the peer
  std::function<void(std::function<void()> done)> going_away;  // hand over, then call `done`, from any thread

  uid_t own_uid = getuid();                        // who besides root may everything
  std::chrono::milliseconds polkit_answer{5'000};  // then the caller is refused
};

class Service final : public control::Events {
 public:
  // Owns the instance's name when it returns. `control`, `log_control` and `log` outlive the Service; answers
  // of `control` that come after its end are dropped. kFailedPrecondition: another process is this instance;
  // kUnavailable: no bus.
  static Result<std::unique_ptr<Service>> start(ServiceOptions options, control::Control& control,
                                                LogControl& log_control, Log& log);
  ~Service() override;  // stops
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  void lead(bool leading);  // elected, or deposed: takes the shared name, or goes to the end of its queue
  void stop();              // calls in flight are answered NotReady; idempotent

  uint64_t turns() const;  // of the bus thread; grows at least every five seconds while it is connected

  void leadership_changed(const control::LeadershipView& now) override;
  void job_started(const std::string& job_id, const std::string& client_name) override;
  void job_progress(
      const std::string& job_id, const std::string& table, int64_t done,
      std::optional<int64_t> total) override;  // at most ten a second per job; the rest is dropped
  void job_finished(const std::string& job_id, const std::string& client_name,
                    const std::string& status) override;

 private:
  class Parts;
  explicit Service(std::unique_ptr<Parts> parts);
  const std::unique_ptr<Parts> parts_;
};

}  // namespace syncnode::bus
