// Node: a running node as the commands see it, over D-Bus or over HTTP; they cannot tell which. Answers are
// the views of control/. Refuses to start a node, to guess, and to wait longer than its answers' deadlines:
// a few seconds for what a node knows by heart, more for what it asks its database or polkit asks a person.
// One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/settings.h"
#include "control/control.h"

namespace syncnode::cli {

// What `--node`, `--remote`, `--token-file` and `--ca-file` said.
struct NodeOptions {
  std::string node;    // "a", "b", "": the leader of this host, or whoever answers
  std::string remote;  // "http://host:port"; "": D-Bus
  std::string token_file, ca_file;

  bool is_chosen() const { return !node.empty() || !remote.empty(); }
};

struct NodeAnswer {
  std::string node;  // "node-a"
  Result<control::HealthView> health;
};

class Node {
 public:
  virtual ~Node() = default;

  // Of the node the other questions go to; over D-Bus as it was when the node was found.
  virtual Result<control::HealthView> health() = 0;
  // Every node that this way reaches: both of a host over D-Bus, the one asked otherwise.
  virtual std::vector<NodeAnswer> all() = 0;
  virtual Result<std::vector<control::ClusterHostView>> cluster() = 0;

  virtual Result<std::vector<control::DeploymentView>> deployments() = 0;
  virtual Result<control::JobView> job(const std::string& job_id) = 0;
  // `client` "" for all.
  virtual Result<std::vector<control::JobView>> jobs(const std::string& client, int64_t limit) = 0;
  virtual Result<std::string> trigger(const control::TriggerRequest& request) = 0;  // job id
  virtual Status cancel(const std::string& job_id) = 0;
  virtual Status set_enabled(const std::string& client, bool enabled) = 0;
  virtual Status set_interval(const std::string& client, int seconds) = 0;  // 0: live
  virtual Status step_down() = 0;
  virtual Status resolve(const control::Resolution& resolution) = 0;
};

// kUnavailable when no node answers (or BUS_ADDRESS is "none"); kDeadlineExceeded when those there are do
// not answer in time.
Result<std::unique_ptr<Node>> reach_node(const NodeOptions& options, const config::Settings& settings);
Result<std::unique_ptr<Node>> reach_bus_node(const std::string& node, const config::Settings& settings);
Result<std::unique_ptr<Node>> reach_http_node(const NodeOptions& options);

// Does it keep the cluster that the settings name (or any, when they name none)?
bool serves(Node& node, const config::Settings& settings);

// What a node is told to change a client's interval: the key of its state, and the value.
struct StateChange {
  std::string key, value;
};
StateChange interval_change(const std::string& client, int seconds);

std::string short_name(const std::string& node_id);  // "openwebui-sync-node-a" → "node-a"

}  // namespace syncnode::cli
