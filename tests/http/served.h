// Served: a server on a free port before a FakeControl, with limits a test can wait for.
#pragma once

#include <gtest/gtest.h>

#include "fakes/fake_control.h"
#include "http/raw_connection.h"
#include "http/server.h"

namespace syncnode::http {

// Keeps what was logged. Thread-safe.
class KeptLog final : public Log {
 public:
  void write(LogLevel /*level*/, std::string_view message) override {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(message);
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

inline ServerOptions test_options() {
  ServerOptions options;
  options.token = kTestToken;
  options.limits.tick = std::chrono::milliseconds(10);
  return options;
}

class Served : public testing::Test {
 protected:
  void serve(ServerOptions options = test_options()) {
    auto started = Server::start(std::move(options), control_, log_);
    ASSERT_TRUE(started) << started.error().to_string();
    server_ = *std::move(started);
  }
  Answer ask(std::string_view bytes) { return RawConnection(server_->port()).ask(bytes); }
  Answer health() { return ask(open_request("/health")); }

  KeptLog log_;
  test::FakeControl control_;
  std::unique_ptr<Server> server_;  // first to go
};

}  // namespace syncnode::http
