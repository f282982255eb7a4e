#include "postgres/tcp_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace syncnode::test {
namespace {

void must(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(std::string("proxy: ") + what);
}

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

}  // namespace

Listener::Listener() : fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = loopback(0);
  must(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
  must(::listen(fd.get(), 64) == 0, "listen");
  socklen_t length = sizeof address;
  must(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0, "getsockname");
  port = ntohs(address.sin_port);
}

TcpProxy::TcpProxy(int target_port)
    : target_port_(target_port), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  thread_ = std::thread(&TcpProxy::run, this);
}

TcpProxy::~TcpProxy() {
  ending_ = true;
  wake();
  thread_.join();
}

void TcpProxy::wake() {
  const uint64_t one = 1;
  must(::write(wake_.get(), &one, sizeof one) == sizeof one, "wake");
}

void TcpProxy::freeze() {
  frozen_ = true;
  wake();
}

void TcpProxy::thaw() {
  frozen_ = false;
  wake();
}

void TcpProxy::lose_answer_to(const std::string& text) {
  const std::lock_guard lock(mutex_);
  lost_text_ = text;
}

bool TcpProxy::move(Pair& pair, bool to_server) {
  std::array<char, 65536> buffer{};
  const ssize_t got =
      ::recv(to_server ? pair.client.get() : pair.server.get(), buffer.data(), buffer.size(), 0);
  if (got <= 0) return false;
  const std::string_view bytes(buffer.data(), static_cast<size_t>(got));
  moved_ += bytes.size();
  if (to_server) {
    const std::lock_guard lock(mutex_);
    if (!lost_text_.empty() && bytes.find(lost_text_) != std::string_view::npos) pair.answers_lost = true;
  } else if (pair.answers_lost) {
    return true;
  }
  return send_all(to_server ? pair.server.get() : pair.client.get(), bytes);
}

void TcpProxy::run() {
  while (!ending_) {
    std::vector<pollfd> watched{{wake_.get(), POLLIN, 0}};
    if (!frozen_) {
      watched.push_back({listener_.fd.get(), POLLIN, 0});
      for (const Pair& pair : pairs_) {
        watched.push_back({pair.client.get(), POLLIN, 0});
        watched.push_back({pair.server.get(), POLLIN, 0});
      }
    }
    ::poll(watched.data(), watched.size(), -1);
    uint64_t wakes = 0;
    static_cast<void>(!::read(wake_.get(), &wakes, sizeof wakes));
    if (frozen_ || watched.size() == 1) continue;
    std::vector<Pair> alive;
    for (size_t i = 0; i < pairs_.size(); ++i) {
      bool ok = true;
      if (watched[2 + 2 * i].revents != 0) ok = move(pairs_[i], true);
      if (ok && watched[3 + 2 * i].revents != 0) ok = move(pairs_[i], false);
      if (ok) alive.push_back(std::move(pairs_[i]));
    }
    pairs_ = std::move(alive);
    if (watched[1].revents == 0) continue;
    Pair pair{UniqueFd(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC)),
              UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), false};
    const sockaddr_in target = loopback(target_port_);
    if (::connect(pair.server.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target) == 0) {
      pairs_.push_back(std::move(pair));
    }
  }
}

FakeServer::FakeServer(std::string answer) : answer_(std::move(answer)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  thread_ = std::thread(&FakeServer::run, this);
}

FakeServer::~FakeServer() {
  const uint64_t one = 1;
  static_cast<void>(!::write(stop_.get(), &one, sizeof one));
  thread_.join();
}

void FakeServer::run() {
  constexpr std::string_view kTlsRequest("\0\0\0\x08\x04\xd2\x16\x2f", 8);
  while (true) {
    std::array<pollfd, 2> watched{pollfd{listener_.fd.get(), POLLIN, 0}, pollfd{stop_.get(), POLLIN, 0}};
    ::poll(watched.data(), watched.size(), -1);
    if (watched[1].revents != 0) return;
    const UniqueFd client(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::array<char, 4096> buffer{};
    ssize_t got = ::recv(client.get(), buffer.data(), buffer.size(), 0);
    if (got == 8 && std::string_view(buffer.data(), 8) == kTlsRequest) {
      send_all(client.get(), "N");
      got = ::recv(client.get(), buffer.data(), buffer.size(), 0);
    }
    if (got > 0) send_all(client.get(), answer_);
  }
}

std::string error_response(const std::string& sqlstate, const std::string& message) {
  std::string fields;
  for (const std::string& field :
       {std::string("SFATAL"), std::string("VFATAL"), "C" + sqlstate, "M" + message}) {
    fields += field;
    fields += '\0';
  }
  fields += '\0';
  const uint32_t length = htonl(static_cast<uint32_t>(fields.size() + 4));
  return "E" + std::string(reinterpret_cast<const char*>(&length), 4) + fields;
}

int port_of(const std::string& url) {
  const size_t colon = url.rfind(':');
  return std::stoi(url.substr(colon + 1));
}

std::string with_port(const std::string& url, int port) {
  const size_t colon = url.rfind(':');
  return url.substr(0, colon + 1) + std::to_string(port) + url.substr(url.find('/', colon));
}

}  // namespace syncnode::test
