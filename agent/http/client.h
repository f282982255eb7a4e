// Client: one request to a node's HTTP door and its answer, for the command line and for a node that forwards
// a write. Blocking, within one deadline for everything (name lookup of a host name may outlast it by the
// resolver's own time-out; addresses are not looked up). Refuses to retry and to follow redirects. Every
// call has a connection of its own. Any thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "http/message.h"

namespace syncnode::http {

struct ClientOptions {
  std::string host = "127.0.0.1";  // an address or a name; the certificate must carry it
  uint16_t port = 0;
  std::string token;  // "" to send none
  bool tls = false;
  std::string ca_file;  // PEM; "": the authorities the system trusts
};

struct Request {
  std::string method = "GET";
  std::string target;  // "/health"; names in it through percent_encode() (http/target.h)
  std::string body;    // JSON
  Headers headers;
};

class Client {
 public:
  explicit Client(ClientOptions options) : options_(std::move(options)) {}

  // Any status is an answer; error_from() (http/errors.h) reads a refusal. kUnavailable: no connection;
  // kDeadlineExceeded; kOutcomeUnknown: a change was sent and no answer came.
  Result<Response> send(const Request& request, Deadline deadline) const;

 private:
  const ClientOptions options_;
};

}  // namespace syncnode::http
