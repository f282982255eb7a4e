// A node's bus door in a process of its own, to be frozen: bus_node ADDRESS NODE. Says "leads" when it does,
// and ends with its parent.
#include <cstdio>
#include <iostream>

#include "bus/service.h"
#include "fakes/bus_fake_control.h"

namespace syncnode::bus {
namespace {

class NoLogControl final : public LogControl {
 public:
  LogLevel level() const override { return LogLevel::kInfo; }
  void set_level(LogLevel) override {}
  std::string target() const override { return "console"; }
};

int run(const char* address, char node) {
  test::BusFakeControl control;
  NoLogControl log_control;
  TextLog log(2, LogLevel::kWarning);
  ServiceOptions options;
  options.node = node;
  options.address = address;
  const auto service = Service::start(options, control, log_control, log);
  if (!service) return std::cerr << service.error().to_string() << '\n', 1;
  (*service)->lead(true);
  std::cout << "leads" << std::endl;  // flushed: the parent waits for it
  static_cast<void>(std::getchar());
  return 0;
}

}  // namespace
}  // namespace syncnode::bus

int main(int argc, char** argv) {
  return argc == 3 ? syncnode::bus::run(argv[1], argv[2][0]) : 2;
}
