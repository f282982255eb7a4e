#include <fmt/format.h>

#include "http/arguments.h"
#include "http/endpoints.h"
#include "http/render.h"
#include "http/routes.h"

namespace syncnode::http {

void get_index(const Exchange& exchange, const Reply& reply) {
  json::Json endpoints = json::Json::array();
  for (const Route& route : routes()) {
    std::string path(route.pattern);
    std::erase(path, '*');  // how it is matched is nobody's business
    endpoints.push_back(fmt::format("{} {}", route.method, path));
  }
  reply(answer(200, {{"service", "sync-node"},
                     {"version", exchange.control.health().version},
                     {"endpoints", std::move(endpoints)}}));
}

void get_health(const Exchange& exchange, const Reply& reply) {
  const control::HealthView health = exchange.control.health();
  reply(answer(health.status == control::HealthWord::kUnhealthy ? 503 : 200, to_json(health)));
}

void get_metrics(const Exchange& exchange, const Reply& reply) {
  Response response;
  response.body = exchange.control.metrics();
  if (response.body.empty()) {
    return reply(refusal(404, "metrics_disabled", "this node publishes no metrics",
                         "set ENABLE_METRICS=true and restart the node"));
  }
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  reply(std::move(response));
}

void get_cluster(const Exchange& exchange, const Reply& reply) {
  using Hosts = std::vector<control::ClusterHostView>;
  exchange.control.cluster(
      reply.when_done<Hosts>([cluster = exchange.control.leadership().cluster_name](const Hosts& hosts) {
        json::Json document{{"cluster_name", cluster}};
        document.update(list_of("hosts", hosts));
        return answer(200, document);
      }));
}

void post_step_down(const Exchange& exchange, const Reply& reply) {
  if (auto nothing = expect_nothing(exchange.body); !nothing) return reply(refusal(nothing.error()));
  exchange.control.step_down(exchange.caller, reply.when_done<void>([] {
    return answer(202, {{"status", "stepping_down"}});
  }));
}

}  // namespace syncnode::http
