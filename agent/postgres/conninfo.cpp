#include "postgres/conninfo.h"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "postgres/resolve.h"

namespace syncnode::postgres {
namespace {

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  size_t from = 0;
  for (size_t comma = list.find(','); comma != std::string::npos; comma = list.find(',', from)) {
    parts.push_back(list.substr(from, comma - from));
    from = comma + 1;
  }
  parts.push_back(list.substr(from));
  return parts;
}

Error bad_url(std::string_view why) {
  return {ErrorCode::kInvalidArgument, "the database URL is not valid: " + std::string(why),
          "the form is postgresql://USER:PASSWORD@HOST:PORT/DATABASE; characters like @ : / % in the "
          "password must be "
          "percent-encoded"};
}

// A list of one port serves all hosts, as in libpq.
Result<std::vector<Endpoint>> endpoints_of(const std::string& hosts, const std::string& addresses,
                                           const std::string& ports) {
  const auto host_list = split(hosts);
  const auto address_list = split(addresses);
  const auto port_list = split(ports);
  const size_t count = std::max(host_list.size(), address_list.size());
  if (!addresses.empty() && !hosts.empty() && host_list.size() != address_list.size()) {
    return bad_url("it has another number of hosts than of addresses");
  }
  if (port_list.size() != 1 && port_list.size() != count)
    return bad_url("it has another number of ports than of hosts");
  // An unescaped @ or / of a password ends up here; the message must not repeat it.
  if (hosts.find('@') != std::string::npos && hosts[0] != '@') return bad_url("its host name holds an @");
  if (ports.find_first_not_of("0123456789,") != std::string::npos) return bad_url("its port is not a number");
  std::vector<Endpoint> result;
  for (size_t i = 0; i < count; ++i) {
    result.push_back({i < host_list.size() ? host_list[i] : "",
                      i < address_list.size() ? address_list[i] : "",
                      port_list.size() == 1 ? port_list[0] : port_list[i]});
  }
  return result;
}

bool needs_resolving(const Endpoint& endpoint) {
  return endpoint.address.empty() && !endpoint.host.empty() && endpoint.host[0] != '/' &&
         endpoint.host[0] != '@';
}

}  // namespace

Result<ConnInfo> ConnInfo::parse(const std::string& url) {
  if (url.empty()) return bad_url("it is empty");
  if (url.find('\0') != std::string::npos) return bad_url("it holds a NUL byte");
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(
      PQconninfoParse(url.c_str(), &message), &PQconninfoFree);
  PQfreemem(message);
  if (parsed == nullptr) return bad_url("it cannot be parsed");
  ConnInfo info;
  std::string hosts, addresses, ports;
  for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string name = option->keyword;
    if (name == "host") {
      hosts = option->val;
    } else if (name == "hostaddr") {
      addresses = option->val;
    } else if (name == "port") {
      ports = option->val;
    } else {
      info.options.emplace_back(name, option->val);
    }
    if (name == "user") info.user = option->val;
    if (name == "password") info.password = option->val;
  }
  SN_ASSIGN(info.endpoints, endpoints_of(hosts, addresses, ports));
  return info;
}

Result<std::vector<Endpoint>> addresses_of(const ConnInfo& info, Deadline deadline) {
  std::vector<Endpoint> all;
  std::optional<Error> failure;
  for (const Endpoint& endpoint : info.endpoints) {
    if (!needs_resolving(endpoint)) {
      all.push_back(endpoint);
      continue;
    }
    auto addresses = resolve(endpoint.host, deadline);
    if (!addresses) {
      failure = std::move(addresses).error();
      continue;
    }
    for (std::string& address : *addresses) all.push_back({endpoint.host, std::move(address), endpoint.port});
  }
  if (all.empty() && failure) return std::move(*failure);
  if (all.empty()) return Error{ErrorCode::kUnavailable, "the host of the database URL has no address", ""};
  return all;
}

}  // namespace syncnode::postgres
