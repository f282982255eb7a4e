#include "http/arguments.h"
#include "http/endpoints.h"
#include "http/render.h"
#include "json/strict.h"

namespace syncnode::http {
namespace {

Result<control::ConflictFilter> read_filter(const Target& target) {
  control::ConflictFilter filter;
  filter.client_name = target.parameter("client_name");
  filter.table_name = target.parameter("table_name");
  filter.conflict_type = target.parameter("conflict_type");
  SN_ASSIGN(filter.limit, limit_parameter(target));
  SN_ASSIGN(filter.include_resolved, flag_parameter(target, "include_resolved"));
  return filter;
}

Result<control::Resolution> read_resolution(const Exchange& exchange) {
  SN_ASSIGN(const auto object, read_object(exchange.body, {"choice", "value", "version"}));
  SN_ASSIGN(auto choice, required_text(object, "choice"));
  SN_ASSIGN(const auto version, optional_integer(object, "version"));
  return control::Resolution{exchange.names.front(), std::move(choice),
                             std::string(json::member_text(exchange.body, "value")), version};
}

Result<control::BulkResolution> read_bulk(const Exchange& exchange) {
  SN_ASSIGN(const auto object,
            read_object(exchange.body, {"client_name", "table_name", "conflict_type", "choice"}));
  control::BulkResolution bulk;
  SN_ASSIGN(bulk.client_name, required_text(object, "client_name"));
  SN_ASSIGN(bulk.table_name, optional_text(object, "table_name"));
  SN_ASSIGN(bulk.conflict_type, optional_text(object, "conflict_type"));
  SN_ASSIGN(bulk.choice, required_text(object, "choice"));
  return bulk;
}

template <typename View>
Response as_text(const View& view) {
  Response response;
  response.body = to_text(view);
  return response;
}

}  // namespace

void get_conflicts(const Exchange& exchange, const Reply& reply) {
  using Conflicts = std::vector<control::ConflictView>;
  auto filter = read_filter(exchange.target);
  if (!filter) return reply(refusal(filter.error()));
  auto render = [](const Conflicts& conflicts) { return answer(200, list_of("conflicts", conflicts)); };
  exchange.control.conflicts(exchange.caller, *std::move(filter), reply.when_done<Conflicts>(render));
}

void get_conflict(const Exchange& exchange, const Reply& reply) {
  using Detail = control::ConflictDetail;
  exchange.control.conflict(exchange.caller, exchange.names.front(),
                            reply.when_done<Detail>(as_text<Detail>));
}

void post_resolve(const Exchange& exchange, const Reply& reply) {
  using View = control::ConflictView;
  auto resolution = read_resolution(exchange);
  if (!resolution) return reply(refusal(resolution.error()));
  exchange.control.resolve(exchange.caller, *std::move(resolution), reply.when_done<View>(as_text<View>));
}

void post_resolve_all(const Exchange& exchange, const Reply& reply) {
  auto bulk = read_bulk(exchange);
  if (!bulk) return reply(refusal(bulk.error()));
  auto render = [](const control::BulkView& view) { return answer(200, to_json(view)); };
  exchange.control.resolve_all(exchange.caller, *std::move(bulk), reply.when_done<control::BulkView>(render));
}

}  // namespace syncnode::http
