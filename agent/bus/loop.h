// Loop: the bus thread. Opens the connection, turns it, runs what the mailbox holds, and opens it again with
// growing pauses when the bus was lost. Everything of sdbus-c++ happens on this one thread; nothing else of
// the node waits for it. It blocks only while it connects: five seconds a question, and libsystemd's own
// bound when a bus accepts but never greets; so it is no part of what feeds the watchdog. Owned by Service.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "bus/mailbox.h"

namespace syncnode::bus {

// Who lives on the connection. Called on the bus thread.
class Attached {
 public:
  virtual ~Attached() = default;
  virtual Status connected(sdbus::IConnection& connection) = 0;  // may throw sdbus::Error
  virtual void disconnecting() noexcept = 0;  // drop all that refers to the connection; it may be dead
  virtual void stopping() noexcept = 0;       // comes before disconnecting(), while answers still can be sent
};

// The system bus (or what DBUS_SYSTEM_BUS_ADDRESS names) when `address` is empty. Throws sdbus::Error.
std::unique_ptr<sdbus::IConnection> open_bus(const std::string& address);

class Loop {
 public:
  Loop(std::string address, Attached& attached, Log& log);
  ~Loop();  // stops

  Status start();  // waits for the first connection, and gives up when that fails
  void stop();     // idempotent; not from the bus thread

  const std::shared_ptr<Mailbox>& mailbox() const { return mailbox_; }
  uint64_t turns() const { return turns_; }  // grows at least every five seconds

 private:
  void run(std::promise<Status> first);
  Status connect();
  void disconnect();
  void reconnect_when_due();
  void serve();
  void run_tasks();
  void wait();
  void lost(const std::string& why);

  const std::string address_;
  Attached& attached_;
  Log& log_;
  const std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();
  std::unique_ptr<sdbus::IConnection> connection_;
  BootClock::duration pause_{};
  Deadline retry_at_{};
  std::atomic<uint64_t> turns_ = 0;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace syncnode::bus
