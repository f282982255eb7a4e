// Server: the HTTP door of a node. Proves who asks (the bearer token), translates into control::Control, and
// renders its answers; refuses to decide, to wait, and to keep anything a stranger sends beyond fixed bounds.
// Owned by the daemon. Owns one thread, which runs all connections; the members below from any thread. The
// control must outlive it, and may answer after it is gone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "control/control.h"
#include "http/limits.h"

namespace syncnode::http {

struct ServerOptions {
  std::vector<std::string> addresses{"127.0.0.1"};  // "::1" may stand beside it
  uint16_t port = 0;                                // 0: any free one
  std::string token;                                // load_token()
  std::vector<std::string> host_names;              // beside localhost, 127.0.0.1 and [::1]
  std::string certificate_file, key_file;           // PEM; both or none
  Limits limits;
};

class Server {
 public:
  // Listening when it returns.
  static Result<std::unique_ptr<Server>> start(ServerOptions options, control::Control& control, Log& log);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  // stop()

  uint16_t port() const;
  // From the next request on. Refuses what load_token() would.
  Status set_token(std::string token);
  // Grows at least once per limits.tick while the loop turns; for the watchdog.
  uint64_t turns() const;
  // No new connections; running requests get limits.drain to end; joined when it returns. May be repeated.
  void stop();

 private:
  class Loop;
  explicit Server(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace syncnode::http
