// TcpProxy: stands between a client and a server on loopback and misbehaves on demand: stops moving bytes, or
// lets a request through and loses the answer. FakeServer: accepts, reads one start-up message, answers with
// given bytes. Both listen on a port of the kernel's choice and end with their object. Tests only; throw on a
// failed system call.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace syncnode::test {

struct Listener {
  Listener();
  UniqueFd fd;
  int port = 0;
};

class TcpProxy {
 public:
  explicit TcpProxy(int target_port);
  ~TcpProxy();
  int port() const { return listener_.port; }

  void freeze();  // from now on no byte moves; the kernels go on acknowledging
  void thaw();
  // The next request that holds `text` is delivered; nothing the server says after it arrives.
  void lose_answer_to(const std::string& text);
  uint64_t moved() const { return moved_.load(); }

 private:
  struct Pair {
    UniqueFd client, server;
    bool answers_lost = false;
  };
  void run();
  void wake();
  bool move(Pair& pair, bool to_server);

  const int target_port_;
  Listener listener_;
  UniqueFd wake_;
  std::atomic<bool> frozen_{false};
  std::atomic<bool> ending_{false};
  std::atomic<uint64_t> moved_{0};
  std::mutex mutex_;
  std::string lost_text_;
  std::vector<Pair> pairs_;
  std::thread thread_;
};

class FakeServer {
 public:
  explicit FakeServer(std::string answer);
  ~FakeServer();
  int port() const { return listener_.port; }

 private:
  void run();

  const std::string answer_;
  Listener listener_;
  UniqueFd stop_;
  std::thread thread_;
};

// The ErrorResponse a server sends before it hangs up.
std::string error_response(const std::string& sqlstate, const std::string& message);

int port_of(const std::string& url);
std::string with_port(const std::string& url, int port);

}  // namespace syncnode::test
