// Client: how sync-nodectl asks a node over D-Bus. Every call waits for its answer, at most as long as the
// options say; errors come back with the code, message and hint the node gave. Refuses to start anything: a
// node that does not run is kUnavailable. One thread at a time.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/control.h"

namespace syncnode::bus {

struct ClientOptions {
  std::string address;  // "": the system bus, or what DBUS_SYSTEM_BUS_ADDRESS names
  char node = '\0';     // 'a' or 'b'; without it whoever owns the shared name: the leader of this host
  std::chrono::milliseconds timeout{30'000};
  bool may_ask_user = true;  // polkit may ask for a password; such a call waits up to two minutes
};

class Client {
 public:
  static Result<std::unique_ptr<Client>> connect(const ClientOptions& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Result<control::LeadershipView> leadership();  // the properties; no lease_seconds_left, which health() has
  Result<control::HealthView> health();
  Result<std::vector<control::ClusterHostView>> cluster();

  Result<std::vector<control::DeploymentView>> deployments();
  Result<control::JobView> job(const std::string& job_id);
  Result<std::vector<control::JobView>> jobs(const std::string& client_name, uint32_t limit);
  Result<std::string> trigger(const control::TriggerRequest& request);  // job id
  Status cancel(const std::string& job_id);
  Status set_enabled(const std::string& client_name, bool enabled);
  Status step_down();

  Result<control::StateView> get_state(const std::string& key);  // key, value and cached
  Status set_state(const std::string& key, const std::string& value);

  Result<std::vector<control::ConflictView>> conflicts(const control::ConflictFilter& filter);
  Result<control::ConflictDetail> conflict(const std::string& conflict_id);
  Status resolve(const control::Resolution& resolution);
  Result<control::BulkView> resolve_all(const control::BulkResolution& resolution);

 private:
  class Wire;
  explicit Client(std::unique_ptr<Wire> wire);
  const std::unique_ptr<Wire> wire_;
};

}  // namespace syncnode::bus
