// A node over D-Bus. What it knows by heart is asked without polkit and with little patience, so that a
// frozen node is found out soon; the rest may have a person asked for a password.
#include <fmt/format.h>

#include "bus/client.h"
#include "cli/node.h"

namespace syncnode::cli {
namespace {

constexpr std::chrono::milliseconds kQuick{3'000}, kPatient{30'000};
constexpr char kStart[] =
    "systemctl start sync-node@a sync-node@b (or, in the foreground: sync-node --node a)";

using Bus = std::unique_ptr<bus::Client>;

Result<Bus> connect(const std::string& address, char node, bool patient) {
  bus::ClientOptions options;
  options.address = address;
  options.node = node;
  options.timeout = patient ? kPatient : kQuick;
  options.may_ask_user = patient;
  return bus::Client::connect(options);
}

Result<control::HealthView> ask_health(const std::string& address, char node) {
  SN_ASSIGN(auto client, connect(address, node, false));
  return client->health();
}

class BusNode final : public Node {
 public:
  BusNode(std::string address, std::string nodes, control::HealthView health, Bus client)
      : address_(std::move(address)),
        nodes_(std::move(nodes)),
        health_(std::move(health)),
        client_(std::move(client)) {}

  Result<control::HealthView> health() override { return health_; }

  std::vector<NodeAnswer> all() override {
    std::vector<NodeAnswer> answers;
    for (const char node : nodes_)
      answers.push_back({fmt::format("node-{}", node), ask_health(address_, node)});
    return answers;
  }

  Result<std::vector<control::ClusterHostView>> cluster() override { return client_->cluster(); }
  Result<std::vector<control::DeploymentView>> deployments() override { return client_->deployments(); }
  Result<control::JobView> job(const std::string& job_id) override { return client_->job(job_id); }
  Result<std::vector<control::JobView>> jobs(const std::string& client, int64_t limit) override {
    return client_->jobs(client, static_cast<uint32_t>(limit));
  }
  Result<std::string> trigger(const control::TriggerRequest& request) override {
    return client_->trigger(request);
  }
  Status cancel(const std::string& job_id) override { return client_->cancel(job_id); }
  Status set_enabled(const std::string& client, bool enabled) override {
    return client_->set_enabled(client, enabled);
  }
  Status set_interval(const std::string& client, int seconds) override {
    const auto change = interval_change(client, seconds);
    return client_->set_state(change.key, change.value);
  }
  Status step_down() override { return client_->step_down(); }
  Status resolve(const control::Resolution& resolution) override { return client_->resolve(resolution); }

 private:
  const std::string address_;
  const std::string nodes_;  // "ab", or the one of --node: the other is none of our business
  const control::HealthView health_;
  const Bus client_;
};

Error nobody(const Error& last, const std::string& node) {
  if (last.code != ErrorCode::kUnavailable) return last;
  return {ErrorCode::kUnavailable,
          node.empty() ? "no node answers on this host" : fmt::format("node {} does not answer", node),
          node.empty() ? kStart : fmt::format("systemctl start sync-node@{}", node)};
}

}  // namespace

Result<std::unique_ptr<Node>> reach_bus_node(const std::string& node, const config::Settings& settings) {
  if (settings.bus_address == "none") {
    return Error{ErrorCode::kUnavailable, "BUS_ADDRESS is 'none', so no node can be asked over D-Bus",
                 "add --remote http://127.0.0.1:9443"};
  }
  const std::string address = settings.bus_address == "system" ? "" : settings.bus_address;
  // The leader by its name; who has that name may be frozen, or nobody has it: then whoever answers.
  const std::string candidates = node.empty() ? std::string("\0ab", 3) : node;
  Error last{ErrorCode::kUnavailable, "", ""};
  for (const char candidate : candidates) {
    auto health = ask_health(address, candidate);
    if (!health) {
      const bool worse = health.error().code != ErrorCode::kUnavailable || last.message.empty();
      if (worse) last = std::move(health).error();
      continue;
    }
    SN_ASSIGN(auto client, connect(address, candidate, true));
    return std::unique_ptr<Node>(std::make_unique<BusNode>(address, node.empty() ? "ab" : node,
                                                           std::move(*health), std::move(client)));
  }
  return nobody(last, node);
}

}  // namespace syncnode::cli
