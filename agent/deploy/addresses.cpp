#include "deploy/addresses.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/unique_fd.h"

namespace syncnode::deploy {
namespace {

constexpr size_t kMostBytes = 64u << 10;

Error silent(const std::string& service) {
  return {ErrorCode::kNotFound, fmt::format("no metadata service answers at {}", service),
          "this is no machine of a cloud that has one, or it is turned off"};
}

Result<bool> wait(int socket, short events, Deadline deadline) {
  pollfd one{socket, events, 0};
  int ready = -1;
  do {
    ready = ::poll(&one, 1, poll_milliseconds(deadline));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

Result<UniqueFd> connect_to(const std::string& service, Deadline deadline) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(80);
  if (::inet_pton(AF_INET, service.c_str(), &address.sin_addr) != 1) return silent(service);
  UniqueFd connection(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!connection.valid()) return silent(service);
  if (::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    return silent(service);
  }
  SN_ASSIGN(const bool answered, wait(connection.get(), POLLOUT, deadline));
  int failure = 0;
  socklen_t size = sizeof failure;
  ::getsockopt(connection.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
  if (!answered || failure != 0) return silent(service);
  return connection;
}

// One request of HTTP/1.0: the answer ends with the connection. The body of a 200; kNotFound otherwise.
Result<std::string> ask(const std::string& service, const std::string& request, Deadline deadline) {
  SN_ASSIGN(const UniqueFd connection, connect_to(service, deadline));
  const std::string text = fmt::format("{}Host: {}\r\n\r\n", request, service);
  if (::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
    return silent(service);
  std::string answer;
  std::array<char, 4096> buffer{};
  while (answer.size() < kMostBytes) {
    SN_ASSIGN(const bool came, wait(connection.get(), POLLIN, deadline));
    const ssize_t got = came ? ::recv(connection.get(), buffer.data(), buffer.size(), 0) : -1;
    if (got < 0) return silent(service);
    if (got == 0) break;
    answer.append(buffer.data(), static_cast<size_t>(got));
  }
  const auto body = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.") || answer.substr(8, 5) != " 200 " || body == std::string::npos)
    return silent(service);
  return answer.substr(body + 4);
}

std::string first_line(const std::string& text) {
  std::string line = text.substr(0, text.find_first_of("\r\n"));
  // A stranger's answer ends up in advice that somebody copies.
  std::erase_if(line, [](char c) { return std::strchr("0123456789abcdefABCDEF:.x-", c) == nullptr; });
  return line;
}

Result<std::string> digital_ocean(const std::string& service, Deadline deadline) {
  const std::string at = "GET /metadata/v1/interfaces/public/0/ipv6/";
  SN_ASSIGN(const auto address, ask(service, at + "address HTTP/1.0\r\n", deadline));
  SN_ASSIGN(const auto length, ask(service, at + "cidr HTTP/1.0\r\n", deadline));
  SN_ASSIGN(const auto gateway, ask(service, at + "gateway HTTP/1.0\r\n", deadline));
  return fmt::format(
      "DigitalOcean has IPv6 {}/{} for this machine, gateway {}: write both into the machine's network "
      "configuration, so "
      "that they stay",
      first_line(address), first_line(length), first_line(gateway));
}

Result<std::string> amazon(const std::string& service, Deadline deadline) {
  SN_ASSIGN(const auto token,
            ask(service, "PUT /latest/api/token HTTP/1.0\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n",
                deadline));
  const std::string proof = fmt::format(" HTTP/1.0\r\nX-aws-ec2-metadata-token: {}\r\n",
                                        token.substr(0, token.find_first_of("\r\n")));
  SN_ASSIGN(const auto mac, ask(service, "GET /latest/meta-data/mac" + proof, deadline));
  const auto found =
      ask(service,
          fmt::format("GET /latest/meta-data/network/interfaces/macs/{}/ipv6s{}", first_line(mac), proof),
          deadline);
  if (!found) {
    return std::string(
        "Amazon has no IPv6 address for this machine: give its subnet an IPv6 block and a route ::/0, then "
        "assign "
        "an address to the instance");
  }
  return fmt::format("Amazon has IPv6 {} for this machine: let its interface take it by DHCPv6",
                     first_line(*found));
}

}  // namespace

bool is_global(const in6_addr& address) {
  const auto* bytes = address.s6_addr;
  const bool documentation = bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0x0d && bytes[3] == 0xb8;
  return (bytes[0] & 0xe0) == 0x20 && !documentation;
}

Result<std::vector<std::string>> global_ipv6() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("cannot list this host's addresses: {}", std::strerror(errno)), ""};
  }
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owned(list, &::freeifaddrs);
  std::vector<std::string> found;
  for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET6) continue;
    const auto& address = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr)->sin6_addr;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (!is_global(address) || ::inet_ntop(AF_INET6, &address, text.data(), text.size()) == nullptr) continue;
    if (std::find(found.begin(), found.end(), text.data()) == found.end()) found.emplace_back(text.data());
  }
  return found;
}

Result<std::string> cloud_advice(Deadline deadline, const std::string& service) {
  if (auto advice = digital_ocean(service, deadline)) return advice;
  return amazon(service, deadline);
}

}  // namespace syncnode::deploy
