#include "bus/client.h"

#include <sdbus-c++/sdbus-c++.h>

#include <algorithm>

#include "bus/authority.h"
#include "bus/error_names.h"
#include "bus/loop.h"
#include "bus/names.h"
#include "bus/values.h"

namespace syncnode::bus {

using namespace std::chrono_literals;

class Client::Wire {
 public:
  explicit Wire(const ClientOptions& options)
      : options_(options),
        connection_(open_bus(options.address)),
        node_(sdbus::createProxy(
            *connection_, options.node == '\0' ? kSharedName : instance_name(options.node), kObjectPath)) {}

  // Sends `arguments`, reads the answer into `results`.
  template <typename... Results, typename... Arguments>
  Status call(const char* interface, const char* method, std::tuple<Results&...> results,
              const Arguments&... arguments) {
    try {
      auto message = node_->createMethodCall(interface, method);
      static_cast<void>((message << ... << arguments));
      if (options_.may_ask_user) allow_interaction(message);
      auto reply = node_->callMethod(message, patience());
      std::apply([&reply](auto&... result) { static_cast<void>((reply >> ... >> result)); }, results);
      return {};
    } catch (const sdbus::Error& error) {
      return error_from(error.getName(), error.getMessage());
    }
  }

 private:
  std::chrono::milliseconds patience() const {
    return options_.may_ask_user ? std::max<std::chrono::milliseconds>(options_.timeout, 120s)
                                 : options_.timeout;
  }

  const ClientOptions options_;
  const std::unique_ptr<sdbus::IConnection> connection_;
  const std::unique_ptr<sdbus::IProxy> node_;
};

Result<std::unique_ptr<Client>> Client::connect(const ClientOptions& options) {
  try {
    return std::unique_ptr<Client>(new Client(std::make_unique<Wire>(options)));
  } catch (const sdbus::Error& error) {
    return error_from(error.getName(), error.getMessage())
        .with_context(options.address.empty() ? "system bus" : "bus '" + options.address + "'");
  }
}

Client::Client(std::unique_ptr<Wire> wire) : wire_(std::move(wire)) {}
Client::~Client() = default;

Result<control::LeadershipView> Client::leadership() {
  Dict properties;
  SN_TRY(wire_->call("org.freedesktop.DBus.Properties", "GetAll", std::tie(properties),
                     std::string(kLeaderInterface)));
  control::LeadershipView view;
  try {
    view.node_id = properties["NodeId"].get<std::string>();
    view.cluster_name = properties["ClusterName"].get<std::string>();
    view.is_leader = properties["IsLeader"].get<bool>();
    view.leader_id = properties["LeaderId"].get<std::string>();
    view.epoch = static_cast<int64_t>(properties["Epoch"].get<uint64_t>());
    const auto expires = properties["LeaseExpiresUSec"].get<uint64_t>();
    if (expires != 0) view.lease_expires_usec = static_cast<int64_t>(expires);
  } catch (const sdbus::Error& error) {
    return Error{ErrorCode::kFailedPrecondition, "the node shows other properties: " + error.getMessage(),
                 "restart it after an upgrade"};
  }
  return view;
}

Result<control::HealthView> Client::health() {
  Dict dict;
  SN_TRY(wire_->call(kNodeInterface, "GetHealth", std::tie(dict)));
  return from_dict<control::HealthView>(dict);
}

Result<std::vector<control::ClusterHostView>> Client::cluster() {
  std::vector<Dict> dicts;
  SN_TRY(wire_->call(kNodeInterface, "GetCluster", std::tie(dicts)));
  return from_dicts<control::ClusterHostView>(dicts);
}

Result<std::vector<control::DeploymentView>> Client::deployments() {
  std::vector<Dict> dicts;
  SN_TRY(wire_->call(kSyncInterface, "ListDeployments", std::tie(dicts)));
  return from_dicts<control::DeploymentView>(dicts);
}

Result<control::JobView> Client::job(const std::string& job_id) {
  Dict dict;
  SN_TRY(wire_->call(kSyncInterface, "GetJob", std::tie(dict), job_id));
  return from_dict<control::JobView>(dict);
}

Result<std::vector<control::JobView>> Client::jobs(const std::string& client_name, uint32_t limit) {
  std::vector<Dict> dicts;
  SN_TRY(wire_->call(kSyncInterface, "ListJobs", std::tie(dicts), client_name, limit));
  return from_dicts<control::JobView>(dicts);
}

Result<std::string> Client::trigger(const control::TriggerRequest& request) {
  std::string job;
  TriggerOptions options{request.full, std::nullopt};
  if (request.verify) options.verify = true;
  SN_TRY(wire_->call(kSyncInterface, "Trigger", std::tie(job), request.client_name, to_dict(options)));
  return job;
}

Status Client::cancel(const std::string& job_id) {
  return wire_->call(kSyncInterface, "Cancel", std::tie(), job_id);
}

Status Client::set_enabled(const std::string& client_name, bool enabled) {
  return wire_->call(kSyncInterface, enabled ? "Resume" : "Pause", std::tie(), client_name);
}

Status Client::step_down() {
  return wire_->call(kLeaderInterface, "StepDown", std::tie());
}

Result<control::StateView> Client::get_state(const std::string& key) {
  control::StateView view;
  view.key = key;
  SN_TRY(wire_->call(kStateInterface, "Get", std::tie(view.value, view.cached), key));
  return view;
}

Status Client::set_state(const std::string& key, const std::string& value) {
  return wire_->call(kStateInterface, "Set", std::tie(), key, value);
}

Result<std::vector<control::ConflictView>> Client::conflicts(const control::ConflictFilter& filter) {
  std::vector<Dict> dicts;
  SN_TRY(wire_->call(kConflictsInterface, "List", std::tie(dicts), to_dict(filter)));
  return from_dicts<control::ConflictView>(dicts);
}

Result<control::ConflictDetail> Client::conflict(const std::string& conflict_id) {
  Dict dict;
  SN_TRY(wire_->call(kConflictsInterface, "Show", std::tie(dict), conflict_id));
  return from_dict<control::ConflictDetail>(dict);
}

Status Client::resolve(const control::Resolution& resolution) {
  return wire_->call(kConflictsInterface, "Resolve", std::tie(), resolution.conflict_id, resolution.choice,
                     to_dict(ResolveOptions{resolution.value, resolution.version}));
}

Result<control::BulkView> Client::resolve_all(const control::BulkResolution& resolution) {
  Dict dict;
  SN_TRY(wire_->call(
      kConflictsInterface, "ResolveAll", std::tie(dict),
      to_dict(ResolveAllFilter{resolution.client_name, resolution.table_name, resolution.conflict_type}),
      resolution.choice));
  return from_dict<control::BulkView>(dict);
}

}  // namespace syncnode::bus
