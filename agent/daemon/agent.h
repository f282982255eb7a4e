// Agent: one node. Puts the parts together in the order in which they need each other, takes them down in
// reverse, and passes between them what each says: the elector's elections to the crew and the bus, the
// peer's death to the elector, notices to the control. Refuses to decide anything itself. start(), tick(),
// reload() and stop() on the main thread.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "bus/service.h"
#include "control/node_control.h"
#include "daemon/crew.h"
#include "daemon/event_relay.h"
#include "daemon/farewell.h"
#include "daemon/host_conflicts.h"
#include "daemon/live_settings.h"
#include "daemon/node_log.h"
#include "daemon/other_node.h"
#include "daemon/pulse.h"
#include "http/server.h"
#include "lease/elector.h"
#include "metrics/metrics.h"
#include "peer/node_lock.h"
#include "peer/peer_watch.h"

namespace syncnode::daemon {

class Agent final : public control::Leadership, public lease::ElectorListener, public bus::LogControl {
 public:
  Agent(config::Settings settings, conflict::Policy policy, std::string version, NodeLog& log);
  ~Agent() override;

  // Doors first, then candidacy. kFailedPrecondition: another process is this node, or its port is taken.
  Status start();
  bool is_ready() const { return http_ != nullptr && (bus_ != nullptr || !wants_bus()); }
  // Every second or two: the pulse, the words for systemd, a bus that was not there at the start.
  void tick();
  // All loops turn, so the watchdog may be fed.
  bool is_alive() const { return pulse_.stalled().empty(); }
  // An error says why the old settings stay; it is logged as well.
  Status reload(const Result<config::Settings>& wanted);
  void stop();
  std::string status_line() const;

  // control::Leadership
  control::LeadershipView view() const override;
  std::optional<Term> term() const override;
  void step_down() override;
  Contact contact() const override;

  // lease::ElectorListener, on the elector's thread
  void elected(const Term& term, std::stop_token term_over) override;
  void deposed(const Error& why) override;
  void notice(const std::string& payload) override;
  void facts_changed() override;
  void taking() override;
  void renews_at(Deadline when) override;
  void renewed(std::chrono::nanoseconds took) override;

  // bus::LogControl
  LogLevel level() const override { return log_.level(); }
  void set_level(LogLevel level) override;
  std::string target() const override { return log_.to_journal() ? "journal" : "console"; }

 private:
  bool wants_bus() const { return settings_.get()->bus_address != "none"; }
  Status take_lock();
  Status open_http();
  Status open_bus();
  Status start_elector();
  Status watch_peer();
  void report_database();

  LiveSettings settings_;
  const std::string version_, node_, node_id_, nonce_;  // node "a", node_id "openwebui-sync-node-a"
  NodeLog& log_;
  metrics::Metrics metrics_;
  Pulse pulse_;
  Farewell farewell_;
  EventRelay events_;
  NeighbourNode neighbour_;
  HostConflicts conflicts_;
  std::optional<peer::NodeLock> lock_;
  const std::shared_ptr<RightOfWay> renewals_ = std::make_shared<RightOfWay>();
  std::unique_ptr<Crew> crew_;
  std::unique_ptr<lease::Elector> elector_;
  std::atomic<lease::Elector*> candidate_{nullptr};  // elector_, once it runs
  std::unique_ptr<control::NodeControl> control_;
  std::unique_ptr<http::Server> http_;
  std::unique_ptr<bus::Service> bus_;
  std::atomic<bus::Service*> door_{nullptr};  // bus_, once it is open
  std::unique_ptr<peer::PeerWatch> peer_;
  bool database_lost_ = false;
  std::string lost_why_;  // as the log has it
  Deadline say_why_at_{};
  bool bus_missing_ = false;
  uint64_t attempts_ = 0, successes_ = 0, failures_ = 0;  // counted into the metrics so far
  Deadline look_at_{};
  std::string last_status_;
};

}  // namespace syncnode::daemon
