// BusWorld: a private bus, what services need, and callers that see error names. One bus per test.
#pragma once

#include <gtest/gtest.h>

#include "bus/client.h"
#include "bus/driver.h"
#include "bus/error_names.h"
#include "bus/names.h"
#include "bus/service.h"
#include "bus/values.h"
#include "fakes/bus_fake_control.h"
#include "happenings.h"
#include "support/private_bus.h"

namespace syncnode::bus {

class FakeLogControl final : public LogControl {
 public:
  LogLevel level() const override { return level_; }
  void set_level(LogLevel level) override { level_ = level; }
  std::string target() const override { return "journal"; }

 private:
  std::atomic<LogLevel> level_ = LogLevel::kInfo;
};

// A caller that sees the names of errors.
class RawCaller {
 public:
  explicit RawCaller(const std::string& address) : connection_(open_bus(address)) {}

  // "" when it succeeds, else the name of the error.
  template <typename... Arguments>
  std::string error_of(const std::string& destination, const char* interface, const char* method,
                       const Arguments&... arguments) {
    auto proxy = sdbus::createProxy(*connection_, destination, kObjectPath);
    try {
      auto call = proxy->createMethodCall(interface, method);
      static_cast<void>((call << ... << arguments));
      proxy->callMethod(call, std::chrono::seconds(10));
      return "";
    } catch (const sdbus::Error& error) {
      message = error.getMessage();
      return error.getName();
    }
  }
  std::string unique_name() const { return connection_->getUniqueName(); }
  std::string owner(const std::string& name) {
    auto proxy = sdbus::createProxy(*connection_, "org.freedesktop.DBus", "/org/freedesktop/DBus");
    std::string owner;
    try {
      proxy->callMethod("GetNameOwner")
          .onInterface("org.freedesktop.DBus")
          .withArguments(name)
          .storeResultsTo(owner);
    } catch (const sdbus::Error&) {
      return "";
    }
    return owner;
  }
  sdbus::IConnection& connection() { return *connection_; }

  std::string message;

 private:
  std::unique_ptr<sdbus::IConnection> connection_;
};

struct BusWorld : testing::Test {
  explicit BusWorld(test::PrivateBus::Policy policy = test::PrivateBus::Policy::kOpen) : bus(policy) {}

  std::unique_ptr<Service> start(char node, ServiceOptions options = {}) {
    options.node = node;
    options.address = bus.address();
    auto service = Service::start(std::move(options), node == 'a' ? a : b, log_control, log);
    EXPECT_TRUE(service.has_value()) << service.error().to_string();
    return service ? std::move(*service) : nullptr;
  }
  std::unique_ptr<Client> client(char node = '\0', int seconds = 10) {
    ClientOptions options;
    options.address = bus.address();
    options.node = node;
    options.timeout = std::chrono::seconds(seconds);
    options.may_ask_user = false;
    auto client = Client::connect(options);
    EXPECT_TRUE(client.has_value());
    return client ? std::move(*client) : nullptr;
  }

  test::PrivateBus bus;
  test::BusFakeControl a, b;
  FakeLogControl log_control;
  Happenings logged;
  HappeningsLog log{logged};
};

}  // namespace syncnode::bus
