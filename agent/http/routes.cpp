#include "http/routes.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/endpoints.h"
#include "http/token.h"

namespace syncnode::http {
namespace {

constexpr Body kNoBody{Body::kNone, 0};
constexpr Body kMaybe{Body::kOptional, 16 << 10};
constexpr Body kSmall{Body::kRequired, 16 << 10};
constexpr Body kValue{Body::kRequired, 1 << 20};

const std::vector<Route>& table() {
  using enum Access;
  using enum Source;
  static const std::vector<std::string_view> kConflictFilter{"client_name", "table_name", "conflict_type",
                                                             "limit", "include_resolved"};
  static const std::vector<Route> kRoutes{
      {"GET", "/", kOpen, kMemory, kNoBody, {}, get_index},
      {"GET", "/health", kOpen, kMemory, kNoBody, {}, get_health},
      {"GET", "/metrics", kOpen, kMemory, kNoBody, {}, get_metrics},
      {"GET", "/api/v1/cluster/status", kOpen, kControl, kNoBody, {}, get_cluster},
      {"GET", "/api/v1/state/{key*}", kToken, kControl, kNoBody, {}, get_state},
      {"PUT", "/api/v1/state/{key*}", kToken, kControl, kValue, {}, put_state},
      {"POST", "/api/v1/sync/trigger", kToken, kControl, kSmall, {}, post_trigger},
      {"GET", "/api/v1/sync/jobs", kToken, kControl, kNoBody, {"client_name", "limit"}, get_jobs},
      {"GET", "/api/v1/sync/jobs/{id}", kToken, kControl, kNoBody, {}, get_job},
      {"POST", "/api/v1/sync/jobs/{id}/cancel", kToken, kControl, kMaybe, {}, post_cancel},
      {"GET", "/api/v1/deployments", kToken, kControl, kNoBody, {}, get_deployments},
      {"POST", "/api/v1/deployments/{name}/pause", kToken, kControl, kMaybe, {}, post_pause},
      {"POST", "/api/v1/deployments/{name}/resume", kToken, kControl, kMaybe, {}, post_resume},
      {"POST", "/api/v1/leader/step-down", kToken, kControl, kMaybe, {}, post_step_down},
      {"GET", "/api/v1/conflicts", kToken, kControl, kNoBody, kConflictFilter, get_conflicts},
      {"GET", "/api/v1/conflicts/{id}", kToken, kControl, kNoBody, {}, get_conflict},
      {"POST", "/api/v1/conflicts/resolve", kToken, kControl, kSmall, {}, post_resolve_all},
      {"POST", "/api/v1/conflicts/{id}/resolve", kToken, kControl, kValue, {}, post_resolve},
  };
  return kRoutes;
}

Response bad_request(const Error& error) {
  return refusal(400, "bad_request", error.message, error.hint);
}

// A 405 lists what the path does take.
Response wrong_method(const RequestHead& head, std::string_view path) {
  std::string allowed;
  std::vector<std::string> captures;
  for (const Route& route : routes()) {
    if (!matches(route.pattern, path, captures)) continue;
    allowed += fmt::format("{}{}", allowed.empty() ? "" : ", ", route.method);
    if (route.method == "GET") allowed += ", HEAD";
  }
  if (allowed.empty()) {
    return refusal(404, "not_found", "there is nothing at this path", "GET / lists what there is");
  }
  Response response = refusal(405, "method_not_allowed",
                              fmt::format("'{}' is not possible here", head.method), "use " + allowed);
  response.headers.emplace_back("Allow", allowed);
  return response;
}

const Route* find_route(std::string_view method, std::string_view path, std::vector<std::string>& captures) {
  if (method == "HEAD") method = "GET";
  for (const Route& route : routes()) {
    if (route.method == method && matches(route.pattern, path, captures)) return &route;
  }
  return nullptr;
}

// One answer for no token and a wrong one, after the same work.
std::optional<Response> unauthorized(const RequestHead& head, const std::string& token) {
  constexpr std::string_view kScheme = "Bearer ";
  std::string_view given = head.authorization;
  const bool bearer = equal_without_case(given.substr(0, kScheme.size()), kScheme);
  given = bearer ? given.substr(kScheme.size()) : std::string_view();
  if (same_secret(given, token)) return std::nullopt;
  Response response = refusal(401, "unauthorized", "this needs the node's API token",
                              "send 'Authorization: Bearer TOKEN' with the token from the node's token file");
  response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"sync-node\"");
  return response;
}

bool is_json(std::string_view content_type) {
  constexpr std::string_view kJson = "application/json";
  if (!equal_without_case(content_type.substr(0, kJson.size()), kJson)) return false;
  content_type.remove_prefix(kJson.size());
  return content_type.empty() || content_type.front() == ';' || content_type.front() == ' ';
}

std::optional<Response> refuse_body(const RequestHead& head, const Route& route, size_t most) {
  if (route.body.presence == Body::kRequired && !head.chunked && !head.content_length) {
    return refusal(411, "length_required", "the request has no body",
                   "send a JSON object with Content-Length");
  }
  if (!head.has_body()) return std::nullopt;
  if (route.body.presence == Body::kNone) {
    return refusal(413, "body_too_large", "no body is taken here", "send the request without a body");
  }
  if (head.content_length.value_or(0) > most) {
    return refusal(413, "body_too_large",
                   fmt::format("the body has {} bytes, {} are taken here", *head.content_length, most), "");
  }
  if (!is_json(head.content_type)) {
    return refusal(415, "unsupported_media_type", "the body must be JSON",
                   "send 'Content-Type: application/json'");
  }
  return std::nullopt;
}

std::optional<Response> refuse_parameters(const Target& target, const Route& route) {
  for (const auto& [name, value] : target.parameters) {
    if (std::find(route.parameters.begin(), route.parameters.end(), name) != route.parameters.end()) continue;
    return refusal(400, "invalid_argument", fmt::format("unknown parameter '{}'", name),
                   route.parameters.empty() ? std::string("none is taken here")
                                            : fmt::format("known: {}", fmt::join(route.parameters, ", ")));
  }
  return std::nullopt;
}

}  // namespace

std::span<const Route> routes() {
  return table();
}

std::variant<Admitted, Response> Doorkeeper::judge(const RequestHead& head, bool peer_on_loopback) const {
  auto target = parse_target(head.target);
  if (!target) return bad_request(target.error());
  if (head.host.empty()) return refusal(400, "bad_request", "the Host header is missing", "");
  const bool ours =
      host_names.allows(head.host) && (target->authority.empty() || host_names.allows(target->authority));
  if (!ours) {
    return refusal(421, "misdirected_request", "this node does not answer under that host name",
                   "use localhost or 127.0.0.1, or add the name to the node's allowed host names");
  }
  std::vector<std::string> captures;
  const Route* route = find_route(head.method, target->path, captures);
  if (route == nullptr) return wrong_method(head, target->path);
  if (route->access == Access::kToken || !peer_on_loopback) {
    if (auto answer = unauthorized(head, token)) return *std::move(answer);
  }
  for (std::string& capture : captures) {
    auto name = decode_name(capture);
    if (!name) return refusal(name.error());
    capture = *std::move(name);
  }
  if (auto answer = refuse_parameters(*target, *route)) return *std::move(answer);
  if (auto answer = refuse_body(head, *route, std::min(route->body.most, limits.body_bytes))) {
    return *std::move(answer);
  }
  if (!head.expect.empty() && !equal_without_case(head.expect, "100-continue")) {
    return refusal(417, "expectation_failed", "the only expectation understood is '100-continue'", "");
  }
  return Admitted{route, *std::move(target), std::move(captures)};
}

}  // namespace syncnode::http
