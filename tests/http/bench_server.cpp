// A server before a FakeControl on a free port, printed first, until standard input ends. To measure:
//   wrk -t1 -c32 -d10s --latency http://127.0.0.1:PORT/health
// and with -H 'Authorization: Bearer 0123456789abcdef0123456789abcdef' /api/v1/state/chat.settings
#include <unistd.h>

#include <cstdio>

#include "fakes/fake_control.h"
#include "http/raw_connection.h"
#include "http/server.h"

int main() {
  syncnode::test::FakeControl control;
  syncnode::TextLog log(2, syncnode::LogLevel::kInfo);
  syncnode::http::ServerOptions options;
  options.token = syncnode::http::kTestToken;
  auto server = syncnode::http::Server::start(std::move(options), control, log);
  if (!server) {
    log.error(server.error().to_string());
    return 1;
  }
  std::printf("%u\n", static_cast<unsigned>((*server)->port()));
  std::fflush(stdout);
  char byte = 0;
  while (::read(0, &byte, 1) > 0) {
  }
  return 0;
}
