#include "daemon/other_node.h"

#include <fmt/format.h>

#include "http/client.h"
#include "http/errors.h"
#include "http/target.h"
#include "http/token.h"
#include "json/json.h"

namespace syncnode::daemon {
namespace {

Error nobody() {
  return {ErrorCode::kUnavailable, "the node that leads is not on this host, or does not answer",
          "try again in a moment"};
}

Result<control::StateView> state_of(const std::string& key, const std::string& body) {
  SN_ASSIGN(const auto answer, json::parse(body));
  control::StateView view;
  view.key = key;
  view.value = json::to_text(answer.value("value", json::Json()));
  view.version = answer.value("version", int64_t{0});
  view.updated_at = answer.value("updated_at", std::string());
  return view;
}

}  // namespace

void NeighbourNode::alive(const peer::NodeFacts& facts) {
  const std::lock_guard lock(mutex_);
  facts_ = facts;
}

void NeighbourNode::died(const peer::NodeFacts& facts) {
  const std::lock_guard lock(mutex_);
  if (facts_ && facts_->nonce == facts.nonce) facts_.reset();
}

Result<control::StateView> NeighbourNode::set_state(const std::string& caller, const std::string& key,
                                                    const std::string& value,
                                                    std::optional<int64_t> if_version, Deadline deadline) {
  const auto settings = settings_.get();
  http::ClientOptions options;
  {
    const std::lock_guard lock(mutex_);
    if (!facts_ || facts_->api_port == 0) return nobody();
    options.port = static_cast<uint16_t>(facts_->api_port);
  }
  // Both nodes of a host listen at the same address, with the same certificate.
  options.host = settings->api_address;
  options.tls = !settings->api_tls_cert.empty();
  options.ca_file = settings->api_tls_cert;
  SN_ASSIGN(options.token, http::load_token(settings->api_token_file));
  http::Request request;
  request.method = "PUT";
  request.target = "/api/v1/state/" + http::percent_encode(key);
  request.body = R"({"value":)" + value + "}";
  request.headers = {{"X-Sync-Node-Forwarded", "1"}, {"X-Sync-Node-Caller", caller}};
  if (if_version) request.headers.push_back({"If-Match", fmt::format("\"{}\"", *if_version)});
  SN_ASSIGN(const auto response, http::Client(options).send(request, deadline));
  if (response.status == 200) return state_of(key, response.body);
  return http::error_from(response);
}

}  // namespace syncnode::daemon
