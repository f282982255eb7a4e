#include <fmt/format.h>

#include <charconv>

#include "http/arguments.h"
#include "http/endpoints.h"
#include "http/render.h"
#include "json/strict.h"

namespace syncnode::http {
namespace {

Response state_answer(const control::StateView& view) {
  Response response;
  response.body = to_text(view);
  response.headers.emplace_back("ETag", fmt::format("\"{}\"", view.version));
  return response;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// If-None-Match: does the client have this version already?
bool lists_version(std::string_view tags, int64_t version) {
  const std::string current = fmt::format("\"{}\"", version);
  while (!tags.empty()) {
    const size_t end = std::min(tags.find(','), tags.size());
    std::string_view tag = trimmed(tags.substr(0, end));
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == "*" || tag == current) return true;
    tags.remove_prefix(std::min(end + 1, tags.size()));
  }
  return false;
}

Result<std::optional<int64_t>> wanted_version(const RequestHead& head) {
  if (!head.if_none_match.empty()) {
    return Error{ErrorCode::kInvalidArgument, "If-None-Match is for reading", "write with If-Match"};
  }
  if (head.if_match.empty()) return std::optional<int64_t>();
  const std::string_view tag = trimmed(head.if_match);
  int64_t version = 0;
  if (tag.size() > 2 && tag.front() == '"' && tag.back() == '"') {
    const auto [end, code] = std::from_chars(tag.data() + 1, tag.data() + tag.size() - 1, version);
    if (code == std::errc() && end == tag.data() + tag.size() - 1) return std::optional(version);
  }
  return Error{ErrorCode::kInvalidArgument, "If-Match must be one ETag of this value",
               "send the ETag of the last answer, with its quotes"};
}

Result<control::StateWrite> read_write(const Exchange& exchange) {
  const std::string& key = exchange.names.front();
  SN_ASSIGN(const auto version, wanted_version(exchange.head));
  SN_ASSIGN(const auto body, read_object(exchange.body, {"key", "value"}));
  if (body.contains("key") && json::string_member(body, "key") != key) {
    return Error{ErrorCode::kInvalidArgument, "the key in the body is not the one in the path",
                 "leave it out, or make them equal"};
  }
  const std::string_view value = json::member_text(exchange.body, "value");
  if (value.empty()) return Error{ErrorCode::kInvalidArgument, "'value' must be given", ""};
  return control::StateWrite{key, std::string(value), version};
}

}  // namespace

void get_state(const Exchange& exchange, const Reply& reply) {
  auto render = [tags = exchange.head.if_none_match](const control::StateView& view) {
    Response response = state_answer(view);
    if (lists_version(tags, view.version)) {
      response.status = 304;
      response.body.clear();
    }
    return response;
  };
  exchange.control.get_state(exchange.caller, exchange.names.front(),
                             reply.when_done<control::StateView>(std::move(render)));
}

void put_state(const Exchange& exchange, const Reply& reply) {
  auto write = read_write(exchange);
  if (!write) return reply(refusal(write.error()));
  exchange.control.set_state(exchange.caller, *std::move(write),
                             reply.when_done<control::StateView>(state_answer));
}

}  // namespace syncnode::http
