// ConnInfo: a database URL taken apart by libpq's own parser, so that each address can be tried with its own
// share of the deadline. Holds the password; refuses to print itself. Plain value, any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace syncnode::postgres {

struct Endpoint {
  std::string host;     // for certificates and messages; a directory for unix sockets; "" is libpq's default
  std::string address;  // numeric; "" for unix sockets
  std::string port;     // "" is libpq's default
};

struct ConnInfo {
  std::vector<std::pair<std::string, std::string>> options;  // without host, hostaddr and port
  std::vector<Endpoint> endpoints;
  std::string user;  // "" is the name of the process' user
  std::string password;

  // kInvalidArgument names no part of the URL: libpq's message would quote the password of a mistyped one.
  static Result<ConnInfo> parse(const std::string& url);
};

// Every address of every endpoint, in order. Names are resolved within the deadline.
Result<std::vector<Endpoint>> addresses_of(const ConnInfo& info, Deadline deadline);

}  // namespace syncnode::postgres
