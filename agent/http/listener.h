// Listener: one listening socket. Makes room when the house is full or the process has no descriptor left,
// and waits for the next tick instead of spinning when there is no room to make. On the loop's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "base/log.h"
#include "base/result.h"
#include "http/session.h"

namespace syncnode::http {

class Listener {
 public:
  using MakeStream = std::function<std::unique_ptr<Stream>(Tcp::socket)>;
  Listener(boost::asio::io_context& loop, Shared& shared, Log& log, MakeStream make_stream);

  // Binds and listens; "::1" takes no IPv4 connections.
  Status open(const std::string& address, uint16_t port);
  void accept();
  void close();
  uint16_t port() const { return port_; }

 private:
  void accept_waiting();
  void welcome(Tcp::socket socket, const Tcp::endpoint& peer);
  void pause(const ErrorState& state);

  Shared& shared_;
  Log& log_;
  const MakeStream make_stream_;
  Tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  uint16_t port_ = 0;
  Deadline next_complaint_{};
};

}  // namespace syncnode::http
