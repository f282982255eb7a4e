#include "cli/conflict_queue.h"

#include "base/stop_signals.h"
#include "cli/database.h"
#include "conflict/policy_file.h"
#include "control/records.h"
#include "control/requests.h"
#include "oneshot/client_run.h"
#include "sync/own_lease.h"
#include "sync/resolution.h"

namespace syncnode::cli {
namespace {

constexpr char kName[] = "sync-nodectl";

class NodeDecider final : public Decider {
 public:
  explicit NodeDecider(std::unique_ptr<Node> node) : node_(std::move(node)) {}
  Status resolve(const control::Resolution& resolution) override { return node_->resolve(resolution); }

 private:
  const std::unique_ptr<Node> node_;
};

class Quiet final : public sync::Progress {
 public:
  void phase(std::string_view) override {}
  void table(std::string_view, int64_t, int64_t) override {}
};

class OwnDecider final : public Decider {
 public:
  static Result<std::unique_ptr<Decider>> open(const config::Settings& settings, const std::string& client,
                                               std::string by) {
    SN_ASSIGN(auto registered, oneshot::find_client(settings, {client, std::nullopt, "", kName}));
    SN_ASSIGN(auto policy, conflict::load_policy(settings));
    SN_ASSIGN(auto connection, connect_agent(settings, command_deadline()));
    sync::RunOptions options;
    options.database_url = settings.database_url;
    options.cluster_name = registered.cluster_name;
    options.lease = settings.lease_duration;
    options.heartbeat = settings.heartbeat_interval;
    auto decider = std::make_unique<OwnDecider>(std::move(connection), std::move(policy), std::move(by));
    Quiet progress;
    SN_ASSIGN(auto lease, sync::OwnLease::take(options, {settings.database_url, kName}, decider->connection_,
                                               progress, decider->stop_));
    decider->lease_.emplace(std::move(lease));
    return std::unique_ptr<Decider>(std::move(decider));
  }

  OwnDecider(postgres::Connection connection, conflict::Policy policy, std::string by)
      : connection_(std::move(connection)), policy_(std::move(policy)), by_(std::move(by)) {}

  Status resolve(const control::Resolution& resolution) override {
    SN_TRY(sync::resolve_conflict(
        connection_, lease_->term(), policy_,
        {resolution.conflict_id, resolution.choice, resolution.value, resolution.version, by_},
        command_deadline()));
    return {};
  }

 private:
  postgres::Connection connection_;
  const conflict::Policy policy_;
  const std::string by_;
  std::stop_source stop_;
  std::optional<sync::OwnLease> lease_;
};

}  // namespace

Result<ConflictQueue> ConflictQueue::open(const config::Settings& settings) {
  SN_ASSIGN(auto connection, connect_agent(settings, command_deadline()));
  return ConflictQueue(std::move(connection));
}

Result<std::vector<control::ConflictView>> ConflictQueue::list(const control::ConflictFilter& filter) {
  SN_TRY(control::check_filter(filter));
  return control::read_conflicts(connection_, filter, command_deadline());
}

Result<control::ConflictView> ConflictQueue::find(const std::string& id) {
  SN_TRY(control::check_conflict_id(id));
  return control::read_conflict(connection_, id, command_deadline());
}

Result<std::unique_ptr<Decider>> find_decider(const NodeOptions& node, const config::Settings& settings,
                                              const std::string& client, const std::string& by) {
  auto reached = reach_node(node, settings);
  if (!reached && (node.is_chosen() || reached.error().code != ErrorCode::kUnavailable))
    return std::move(reached).error();
  if (reached && !node.is_chosen()) {
    const auto health = (*reached)->health();
    if (!health || !health->leadership.is_leader || !serves(**reached, settings)) reached = Error{};
  }
  if (reached) return std::unique_ptr<Decider>(std::make_unique<NodeDecider>(*std::move(reached)));
  return OwnDecider::open(settings, client, by);
}

}  // namespace syncnode::cli
