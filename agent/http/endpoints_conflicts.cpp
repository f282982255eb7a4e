#include "http/arguments.h"
#include "http/endpoints.h"
#include "http/render.h"
#include "json/strict.h"

namespace syncnode::http {
namespace {

Result<control::ConflictFilter> read_filter(const Target& target) {
  control::ConflictFilter filter;
  filter.client_name = target.parameter("client_name");
  SN_ASSIGN(filter.limit, limit_parameter(target));
  SN_ASSIGN(filter.include_resolved, flag_parameter(target, "include_resolved"));
  return filter;
}

Result<control::Resolution> read_resolution(const Exchange& exchange) {
  SN_ASSIGN(const auto object, read_object(exchange.body, {"choice", "value"}));
  SN_ASSIGN(auto choice, required_text(object, "choice"));
  return control::Resolution{exchange.names.front(), std::move(choice),
                             std::string(json::member_text(exchange.body, "value"))};
}

}  // namespace

void get_conflicts(const Exchange& exchange, const Reply& reply) {
  using Conflicts = std::vector<control::ConflictView>;
  auto filter = read_filter(exchange.target);
  if (!filter) return reply(refusal(filter.error()));
  auto render = [](const Conflicts& conflicts) {
    Response response;
    response.body = R"({"conflicts":[)";
    for (const control::ConflictView& conflict : conflicts) {
      if (&conflict != &conflicts.front()) response.body += ",";
      response.body += to_text(conflict);
    }
    response.body += "]}";
    return response;
  };
  exchange.control.conflicts(exchange.caller, *std::move(filter), reply.when_done<Conflicts>(render));
}

void post_resolve(const Exchange& exchange, const Reply& reply) {
  auto resolution = read_resolution(exchange);
  if (!resolution) return reply(refusal(resolution.error()));
  auto render = [](const control::ConflictView& conflict) {
    Response response;
    response.body = to_text(conflict);
    return response;
  };
  exchange.control.resolve(exchange.caller, *std::move(resolution),
                           reply.when_done<control::ConflictView>(render));
}

}  // namespace syncnode::http
