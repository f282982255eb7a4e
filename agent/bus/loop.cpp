#include "bus/loop.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "bus/error_names.h"

namespace syncnode::bus {
namespace {

using namespace std::chrono_literals;

constexpr auto kQuestion = 5s;  // of what is asked while connecting
constexpr auto kShortestPause = 100ms;
constexpr auto kLongestPause = 5s;
constexpr int kLongestWaitMs = 5000;  // an idle loop still turns
constexpr int kMessagesPerTurn = 64;  // so that tasks get their turn under a flood of messages

// sdbus-c++ 1.2 leaks a connection by address that cannot be opened, and this one is tried again and again.
void refuse_dead_socket(const std::string& address) {
  constexpr std::string_view kUnix = "unix:path=";
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string path = address.substr(std::min(kUnix.size(), address.size()));
  if (address.rfind(kUnix, 0) != 0 || path.size() >= sizeof name.sun_path) return;
  path.copy(name.sun_path, path.size());
  const UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0 && errno != EAGAIN) {
    throw sdbus::createError(errno, "failed to open bus");
  }
}

}  // namespace

std::unique_ptr<sdbus::IConnection> open_bus(const std::string& address) {
  refuse_dead_socket(address);
  auto connection = address.empty() ? sdbus::createSystemBusConnection()
                                    : sdbus::createSessionBusConnectionWithAddress(address);
  connection->setMethodCallTimeout(kQuestion);
  return connection;
}

Loop::Loop(std::string address, Attached& attached, Log& log)
    : address_(std::move(address)), attached_(attached), log_(log) {}

Loop::~Loop() {
  stop();
}

Status Loop::start() {
  std::promise<Status> first;
  auto connected = first.get_future();
  thread_ = std::thread([this, promise = std::move(first)]() mutable { run(std::move(promise)); });
  Status status = connected.get();
  if (!status) thread_.join();
  return status;
}

void Loop::stop() {
  stopping_ = true;
  mailbox_->wake();
  if (thread_.joinable()) thread_.join();
}

void Loop::run(std::promise<Status> first) {
  Status status = connect();
  const bool up = status.has_value();
  if (!up) mailbox_->close();
  first.set_value(std::move(status));
  if (!up) return;
  while (!stopping_) {
    ++turns_;
    reconnect_when_due();
    serve();
    run_tasks();
    wait();
  }
  run_tasks();
  if (connection_) attached_.stopping();
  disconnect();
  mailbox_->close();
}

Status Loop::connect() {
  Status status;
  try {
    connection_ = open_bus(address_);
    status = attached_.connected(*connection_);
  } catch (const sdbus::Error& error) {
    status = error_from(error.getName(), error.getMessage())
                 .with_context(address_.empty() ? "system bus" : "bus '" + address_ + "'");
  }
  if (!status) disconnect();
  return status;
}

void Loop::disconnect() {
  attached_.disconnecting();
  connection_.reset();
}

void Loop::lost(const std::string& why) {
  disconnect();
  pause_ = kShortestPause;
  retry_at_ = deadline_in(pause_);
  log_.warning("the bus was lost, connecting again; the node works on without it: " + why);
}

void Loop::reconnect_when_due() {
  if (connection_ || BootClock::now() < retry_at_) return;
  if (const Status status = connect(); status) {
    log_.info("connected to the bus again");
    return;
  } else if (pause_ >= kLongestPause) {
    log_.debug("still no bus: " + status.error().to_string());
  } else {
    log_.info("no bus yet: " + status.error().to_string());
  }
  pause_ = std::min<BootClock::duration>(2 * pause_, kLongestPause);
  retry_at_ = deadline_in(pause_);
}

void Loop::serve() {
  if (!connection_) return;
  try {
    for (int count = 0; count < kMessagesPerTurn && connection_->processPendingRequest();) ++count;
  } catch (const sdbus::Error& error) {
    lost(error.getMessage());
  }
}

void Loop::run_tasks() {
  for (const Mailbox::Task& task : mailbox_->take()) {
    try {
      task();
    } catch (const std::exception& error) {  // a bus that went away under a reply; a string it would not take
      log_.debug(fmt::format("could not send on the bus: {}", error.what()));
    }
  }
}

void Loop::wait() {
  std::array<pollfd, 2> fds{pollfd{mailbox_->fd(), POLLIN, 0}, pollfd{-1, 0, 0}};
  int timeout = kLongestWaitMs;
  if (connection_) {
    try {
      const auto bus = connection_->getEventLoopPollData();
      fds[1] = {bus.fd, bus.events, 0};
      if (const int due = bus.getPollTimeout(); due >= 0) timeout = std::min(timeout, due);
    } catch (const sdbus::Error& error) {
      lost(error.getMessage());
    }
  }
  if (!connection_) timeout = std::min(timeout, poll_milliseconds(retry_at_));
  if (stopping_) return;  // its wake-up may have been drained with the mailbox just now
  static_cast<void>(poll(fds.data(), fds.size(), timeout));
}

}  // namespace syncnode::bus
