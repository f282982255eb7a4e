#include "http/arguments.h"
#include "http/endpoints.h"
#include "http/render.h"

namespace syncnode::http {
namespace {

Result<control::TriggerRequest> read_trigger(const std::string& body) {
  SN_ASSIGN(const auto object, read_object(body, {"client_name", "full_sync", "verify"}));
  SN_ASSIGN(auto client, required_text(object, "client_name"));
  SN_ASSIGN(const bool full, flag(object, "full_sync", false));
  SN_ASSIGN(const bool verify, flag(object, "verify", false));
  return control::TriggerRequest{std::move(client), full, verify};
}

void set_enabled(const Exchange& exchange, const Reply& reply, bool enabled) {
  if (auto nothing = expect_nothing(exchange.body); !nothing) return reply(refusal(nothing.error()));
  const std::string& client = exchange.names.front();
  exchange.control.set_enabled(exchange.caller, client, enabled, reply.when_done<void>([client, enabled] {
    return answer(200, {{"client", client}, {"sync_enabled", enabled}});
  }));
}

}  // namespace

void post_trigger(const Exchange& exchange, const Reply& reply) {
  auto request = read_trigger(exchange.body);
  if (!request) return reply(refusal(request.error()));
  auto render = [asked = *request](const std::string& job_id) {
    Response response = answer(202, {{"job_id", job_id},
                                     {"client", asked.client_name},
                                     {"status", "queued"},
                                     {"full_sync", asked.full},
                                     {"verify", asked.verify}});
    response.headers.emplace_back("Location", "/api/v1/sync/jobs/" + percent_encode(job_id));
    return response;
  };
  exchange.control.trigger(exchange.caller, *std::move(request),
                           reply.when_done<std::string>(std::move(render)));
}

void get_jobs(const Exchange& exchange, const Reply& reply) {
  using Jobs = std::vector<control::JobView>;
  const auto limit = limit_parameter(exchange.target);
  if (!limit) return reply(refusal(limit.error()));
  exchange.control.jobs(
      exchange.caller, std::string(exchange.target.parameter("client_name")), *limit,
      reply.when_done<Jobs>([](const Jobs& jobs) { return answer(200, list_of("jobs", jobs)); }));
}

void get_job(const Exchange& exchange, const Reply& reply) {
  exchange.control.job(exchange.caller, exchange.names.front(),
                       reply.when_done<control::JobView>(
                           [](const control::JobView& job) { return answer(200, to_json(job)); }));
}

void post_cancel(const Exchange& exchange, const Reply& reply) {
  if (auto nothing = expect_nothing(exchange.body); !nothing) return reply(refusal(nothing.error()));
  const std::string& job_id = exchange.names.front();
  exchange.control.cancel(exchange.caller, job_id, reply.when_done<void>([job_id] {
    return answer(202, {{"job_id", job_id}, {"status", "cancel_requested"}});
  }));
}

void get_deployments(const Exchange& exchange, const Reply& reply) {
  using Deployments = std::vector<control::DeploymentView>;
  exchange.control.deployments(exchange.caller, reply.when_done<Deployments>([](const Deployments& all) {
    return answer(200, list_of("deployments", all));
  }));
}

void post_pause(const Exchange& exchange, const Reply& reply) {
  set_enabled(exchange, reply, false);
}

void post_resume(const Exchange& exchange, const Reply& reply) {
  set_enabled(exchange, reply, true);
}

}  // namespace syncnode::http
