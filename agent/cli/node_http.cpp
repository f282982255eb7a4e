// A node over HTTP: --remote. The token goes to this host or over TLS, and nowhere else.
#include <fmt/format.h>

#include "cli/node.h"
#include "cli/remote_url.h"
#include "http/client.h"
#include "http/errors.h"
#include "http/read_views.h"
#include "http/target.h"
#include "http/token.h"

namespace syncnode::cli {
namespace {

constexpr std::chrono::seconds kQuick{5}, kPatient{30};

class HttpNode final : public Node {
 public:
  explicit HttpNode(http::ClientOptions options) : client_(std::move(options)) {}

  Result<control::HealthView> health() override {
    // 503 is an answer too: unhealthy.
    SN_ASSIGN(const auto response, client_.send({"GET", "/health", "", {}}, deadline_in(kQuick)));
    if (response.status != 200 && response.status != 503) return http::error_from(response);
    SN_ASSIGN(const auto document, json::parse(response.body));
    auto health = http::read_health(document);
    if (!health && response.status == 503) return http::error_from(response);
    return health;
  }

  std::vector<NodeAnswer> all() override {
    auto answer = health();
    std::string name = answer ? short_name(answer->leadership.node_id) : "the node";
    return {{std::move(name), std::move(answer)}};
  }

  Result<std::vector<control::ClusterHostView>> cluster() override {
    SN_ASSIGN(const auto document, ask("GET", "/api/v1/cluster/status"));
    return http::read_list(document, "hosts", http::read_cluster_host);
  }
  Result<std::vector<control::DeploymentView>> deployments() override {
    SN_ASSIGN(const auto document, ask("GET", "/api/v1/deployments"));
    return http::read_list(document, "deployments", http::read_deployment);
  }
  Result<control::JobView> job(const std::string& job_id) override {
    SN_ASSIGN(const auto document, ask("GET", "/api/v1/sync/jobs/" + http::percent_encode(job_id)));
    return http::read_job(document);
  }
  Result<std::vector<control::JobView>> jobs(const std::string& client, int64_t limit) override {
    std::string target = fmt::format("/api/v1/sync/jobs?limit={}", limit);
    if (!client.empty()) target += "&client_name=" + http::percent_encode(client);
    SN_ASSIGN(const auto document, ask("GET", target));
    return http::read_list(document, "jobs", http::read_job);
  }
  Result<std::string> trigger(const control::TriggerRequest& request) override {
    json::Json asked{{"client_name", request.client_name}, {"full_sync", request.full}};
    if (request.verify) asked["verify"] = true;  // an older node refuses what it does not know
    SN_ASSIGN(const auto document, ask("POST", "/api/v1/sync/trigger", json::to_text(asked)));
    return json::string_member(document, "job_id").value_or("");
  }
  Status cancel(const std::string& job_id) override {
    return change("/api/v1/sync/jobs/" + http::percent_encode(job_id) + "/cancel");
  }
  Status set_enabled(const std::string& client, bool enabled) override {
    return change("/api/v1/deployments/" + http::percent_encode(client) + (enabled ? "/resume" : "/pause"));
  }
  Status set_interval(const std::string& client, int seconds) override {
    const auto change = interval_change(client, seconds);
    SN_TRY(ask("PUT", "/api/v1/state/" + http::percent_encode(change.key),
               fmt::format(R"({{"value":{}}})", change.value)));
    return {};
  }
  Status step_down() override { return change("/api/v1/leader/step-down"); }
  Status resolve(const control::Resolution& resolution) override {
    // The value goes as it was written: big numbers and order are what they are.
    std::string body = fmt::format(R"({{"choice":{})", json::to_text(resolution.choice));
    if (!resolution.value.empty()) body += R"(,"value":)" + resolution.value;
    if (resolution.version) body += fmt::format(R"(,"version":{})", *resolution.version);
    SN_TRY(ask("POST", "/api/v1/conflicts/" + http::percent_encode(resolution.conflict_id) + "/resolve",
               body + "}"));
    return {};
  }

 private:
  Result<json::Json> ask(const char* method, std::string target, std::string body = "") {
    SN_ASSIGN(const auto response,
              client_.send({method, std::move(target), std::move(body), {}}, deadline_in(kPatient)));
    if (response.status >= 400) return http::error_from(response);
    return json::parse(response.body);
  }
  Status change(std::string target) {
    SN_TRY(ask("POST", std::move(target)));
    return {};
  }

  const http::Client client_;
};

}  // namespace

Result<std::unique_ptr<Node>> reach_http_node(const NodeOptions& options) {
  SN_ASSIGN(const auto url, parse_remote_url(options.remote));
  http::ClientOptions client{url.host, url.port, "", url.tls, options.ca_file};
  if (!options.token_file.empty()) {
    if (!url.tls && !is_loopback(url.host)) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("the token would cross the network to '{}' readable by everybody", url.host),
                   "use https://, or a tunnel to this host"};
    }
    SN_ASSIGN(client.token, http::load_token(options.token_file));
  }
  auto node = std::make_unique<HttpNode>(std::move(client));
  SN_TRY(node->health());
  return std::unique_ptr<Node>(std::move(node));
}

}  // namespace syncnode::cli
