#include "http/server.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "http/listener.h"
#include "http/session.h"
#include "http/tls.h"
#include "http/token.h"

namespace syncnode::http {
namespace asio = boost::asio;

namespace {

constexpr std::chrono::milliseconds kDrainTick{10};  // who stops a node should not wait for a slow tick

}  // namespace

class Server::Loop {
 public:
  Loop(ServerOptions options, control::Control& control, Log& log)
      : options_(std::move(options)),
        log_(log),
        shared_{control,
                options_.limits,
                HostNames(options_.host_names),
                options_.token,
                std::make_shared<Answers>([this](Answers::Task task) { asio::post(io_, std::move(task)); }),
                {}},
        tick_(io_) {}
  ~Loop() { stop(); }

  Status start();
  void stop();
  uint16_t port() const { return listeners_.front().port(); }
  uint64_t turns() const { return turns_.load(); }
  void set_token(std::string token) {
    shared_.answers->post([this, token = std::move(token)] { shared_.token = token; });
  }

 private:
  void run();
  void tick();
  void begin_drain();
  void finish();
  std::unique_ptr<Stream> make_stream(Tcp::socket socket) const {
    return tls_ ? tls_stream(std::move(socket), *tls_, "") : plain_stream(std::move(socket));
  }

  const ServerOptions options_;
  Log& log_;
  TlsContext tls_;
  Shared shared_;  // before io_: its destruction drops handlers, and with them sessions
  asio::io_context io_{1};
  asio::steady_timer tick_;
  std::deque<Listener> listeners_;
  Deadline drained_by_{};
  std::atomic<uint64_t> turns_{0};
  std::once_flag stopped_;
  std::thread thread_;
};

Status Server::Loop::start() {
  SN_TRY(check_token(options_.token));
  if (options_.addresses.empty()) {
    return Error{ErrorCode::kInvalidArgument, "no address to listen on", "give 127.0.0.1"};
  }
  if (options_.certificate_file.empty() != options_.key_file.empty()) {
    return Error{ErrorCode::kInvalidArgument, "TLS needs a certificate and a key, only one is given", ""};
  }
  if (!options_.certificate_file.empty()) {
    SN_ASSIGN(tls_, server_context(options_.certificate_file, options_.key_file));
  }
  uint16_t port = options_.port;
  for (const std::string& address : options_.addresses) {
    Listener& listener = listeners_.emplace_back(
        io_, shared_, log_, [this](Tcp::socket socket) { return make_stream(std::move(socket)); });
    SN_TRY(listener.open(address, port));
    port = listener.port();  // all addresses share the one that was free
    if (!tls_ && !asio::ip::make_address(address).is_loopback()) {
      log_.warning(
          fmt::format("HTTP on '{}' is not encrypted: who sees the traffic learns the token", address));
    }
    listener.accept();
  }
  tick();
  try {
    thread_ = std::thread(&Loop::run, this);
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kResourceExhausted, fmt::format("cannot start the HTTP thread: {}", error.what()),
                 ""};
  }
  return {};
}

void Server::Loop::run() {
  while (true) {
    try {
      io_.run();
      return;
    } catch (const std::exception& error) {  // out of memory in a handler costs that connection only
      log_.error(fmt::format("an HTTP request failed: {}", error.what()));
    }
  }
}

void Server::Loop::tick() {
  ++turns_;
  const Deadline now = BootClock::now();
  shared_.connections.expire(now);
  if (shared_.draining && (shared_.connections.size() == 0 || now >= drained_by_)) return finish();
  tick_.expires_after(shared_.draining ? kDrainTick : options_.limits.tick);
  tick_.async_wait([this](ErrorState cancelled) {
    if (!cancelled) tick();
  });
}

void Server::Loop::begin_drain() {
  shared_.draining = true;
  drained_by_ = deadline_in(options_.limits.drain);
  for (Listener& listener : listeners_) listener.close();
  shared_.connections.drain();
  tick_.cancel();
  tick();
}

void Server::Loop::finish() {
  shared_.connections.close_all();
  io_.stop();
}

void Server::Loop::stop() {
  std::call_once(stopped_, [this] {
    if (thread_.joinable()) {
      shared_.answers->post([this] { begin_drain(); });
      thread_.join();
    }
    shared_.answers->close();
    shared_.connections.close_all();
  });
}

Server::Server(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, control::Control& control, Log& log) {
  auto loop = std::make_unique<Loop>(std::move(options), control, log);
  SN_TRY(loop->start());
  return std::unique_ptr<Server>(new Server(std::move(loop)));
}

uint16_t Server::port() const {
  return loop_->port();
}

Status Server::set_token(std::string token) {
  SN_TRY(check_token(token));
  loop_->set_token(std::move(token));
  return {};
}

uint64_t Server::turns() const {
  return loop_->turns();
}

void Server::stop() {
  loop_->stop();
}

}  // namespace syncnode::http
