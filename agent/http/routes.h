// Routes: everything this door answers, in one table, and the judgement of a request by its head alone: is it
// for us, do we have it, may this peer, how much body may follow. Nothing of a body is read before that, so
// who has no token cannot make a node keep more than a head. Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "http/exchange.h"
#include "http/host_names.h"
#include "http/limits.h"

namespace syncnode::http {

enum class Access {
  kOpen,   // without a token, for peers on this host's loopback
  kToken,  // the bearer token
};

// What may follow the head.
struct Body {
  enum { kNone, kOptional, kRequired } presence;
  size_t most;  // bytes
};

enum class Source { kMemory, kControl };  // answered at once, or when the control's thread has time

struct Route {
  std::string_view method, pattern;
  Access access;
  Source source;
  Body body;
  std::vector<std::string_view> parameters;
  void (*handle)(const Exchange& exchange, const Reply& reply);
};

std::span<const Route> routes();

struct Admitted {
  const Route* route = nullptr;
  Target target;
  std::vector<std::string> names;
};

struct Doorkeeper {
  const HostNames& host_names;
  const std::string& token;
  const Limits& limits;

  // What may go on, or the answer that ends it.
  std::variant<Admitted, Response> judge(const RequestHead& head, bool peer_on_loopback) const;
};

}  // namespace syncnode::http
