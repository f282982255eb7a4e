#include "http/listener.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <boost/asio/ip/v6_only.hpp>

namespace syncnode::http {
namespace {

namespace asio = boost::asio;
constexpr std::chrono::minutes kBetweenComplaints{1};
constexpr int kNewcomersPerTurn = 16;

// Programs that the agent may start one day must not inherit connections.
void close_on_exec(int fd) {
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

bool is_exhausted(const ErrorState& state) {
  return state == asio::error::no_descriptors || state == asio::error::no_memory ||
         state == asio::error::no_buffer_space || state.value() == ENFILE;
}

Error listen_error(const std::string& address, uint16_t port, const ErrorState& state) {
  const bool taken = state == asio::error::address_in_use;
  const bool denied = state == asio::error::access_denied;
  return {taken    ? ErrorCode::kFailedPrecondition
          : denied ? ErrorCode::kPermissionDenied
                   : ErrorCode::kUnavailable,
          fmt::format("cannot listen on '{}' port {}: {}", address, port, state.message()),
          taken    ? "end the other program, or set another API_PORT"
          : denied ? "set an API_PORT above 1023"
                   : "give an address of this host"};
}

}  // namespace

Listener::Listener(asio::io_context& loop, Shared& shared, Log& log, MakeStream make_stream)
    : shared_(shared), log_(log), make_stream_(std::move(make_stream)), acceptor_(loop), pause_(loop) {}

Status Listener::open(const std::string& address, uint16_t port) {
  ErrorState state;
  const auto ip = asio::ip::make_address(address, state);
  if (state) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is no IP address", address),
                 "use 127.0.0.1 or ::1"};
  }
  const Tcp::endpoint endpoint(ip, port);
  acceptor_.open(endpoint.protocol(), state);
  if (!state) close_on_exec(acceptor_.native_handle());
  if (!state) acceptor_.set_option(asio::socket_base::reuse_address(true), state);
  if (!state && ip.is_v6()) acceptor_.set_option(asio::ip::v6_only(true), state);
  if (!state) acceptor_.bind(endpoint, state);
  if (!state) acceptor_.listen(asio::socket_base::max_listen_connections, state);
  if (!state) acceptor_.non_blocking(true, state);
  if (!state) port_ = acceptor_.local_endpoint(state).port();
  if (state) return listen_error(address, port, state);
  return {};
}

// Waits for a peer before it accepts: accept() itself asks for a descriptor first, and fails without one even
// when nobody is there.
void Listener::accept() {
  acceptor_.async_wait(Tcp::acceptor::wait_read, [this](ErrorState state) {
    if (!state) accept_waiting();
  });
}

void Listener::accept_waiting() {
  // A few at a time, so that a flood of newcomers leaves turns to those who are in.
  for (int turn = 0; turn < kNewcomersPerTurn; ++turn) {
    Tcp::endpoint peer;
    ErrorState state;
    Tcp::socket socket = acceptor_.accept(peer, state);
    if (state == asio::error::would_block) break;
    if (!state) {
      welcome(std::move(socket), peer);
    } else if (is_exhausted(state) && !shared_.connections.drop_longest_waiting()) {
      return pause(state);
    }  // else the peer gave up before it was accepted, or there is room now
  }
  accept();
}

void Listener::welcome(Tcp::socket socket, const Tcp::endpoint& peer) {
  const bool full = shared_.connections.size() >= shared_.limits.connections;
  // When we owe everybody an answer the newcomer goes: closing is the only answer that costs nothing.
  if (full && !shared_.connections.drop_longest_waiting()) return;
  ErrorState ignored;  // only slower without it
  socket.set_option(Tcp::no_delay(true), ignored);
  close_on_exec(socket.native_handle());
  std::make_shared<Session>(shared_, make_stream_(std::move(socket)), peer)->start();
}

void Listener::pause(const ErrorState& state) {
  if (BootClock::now() >= next_complaint_) {
    log_.warning(fmt::format("cannot accept HTTP connections: {}; hint: raise LimitNOFILE of the unit",
                             state.message()));
    next_complaint_ = deadline_in(kBetweenComplaints);
  }
  pause_.expires_after(shared_.limits.tick);
  pause_.async_wait([this](ErrorState cancelled) {
    if (!cancelled) accept();
  });
}

void Listener::close() {
  ErrorState ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

}  // namespace syncnode::http
