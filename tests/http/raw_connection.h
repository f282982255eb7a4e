// RawConnection: a TCP connection to loopback on which a test sends any bytes it likes, at any pace, and
// reads answers with a deadline. Owned by one test, on its thread.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "json/json.h"

namespace syncnode::http {

inline const std::string kTestToken = "0123456789abcdef0123456789abcdef";

struct Answer {
  int status = 0;  // 0: the connection ended first
  std::string head, body;

  bool has(std::string_view line) const { return head.find(line) != std::string::npos; }
  json::Json document() const { return json::parse(body).has_value() ? *json::parse(body) : json::Json(); }
  std::string word() const { return json::string_member(document(), "error").value_or(""); }
};

class RawConnection {
 public:
  explicit RawConnection(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }

  bool connected() const { return connected_; }
  // Until the peer takes no more; false when it does not take all.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  void finish_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  void disconnect() { fd_.reset(); }

  // Is there something to read (or the end) within this time?
  bool readable(std::chrono::milliseconds wait) const {
    pollfd watched{fd_.get(), POLLIN, 0};
    return ::poll(&watched, 1, static_cast<int>(wait.count())) > 0;
  }

  // The next answer; `head_only` for the answer to HEAD.
  Answer read(bool head_only = false) {
    Answer answer;
    size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return answer;
    }
    answer.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    answer.status = std::atoi(answer.head.c_str() + std::strlen("HTTP/1.1 "));
    const size_t length = answer.head.find("Content-Length: ");
    if (head_only || length == std::string::npos) return answer;
    const size_t bytes =
        std::strtoul(answer.head.c_str() + length + std::strlen("Content-Length: "), nullptr, 10);
    while (buffer_.size() < bytes) {
      if (!more()) return {};
    }
    answer.body = buffer_.substr(0, bytes);
    buffer_.erase(0, bytes);
    return answer;
  }

  Answer ask(std::string_view request) {
    send(request);
    return read(request.starts_with("HEAD"));
  }

  // Did the peer close, with nothing more to say?
  bool ended() {
    while (more()) {
    }
    return ended_ && buffer_.empty();
  }

 private:
  bool more() {
    char bytes[16384];
    if (!readable(std::chrono::seconds(20))) return false;
    const ssize_t got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    ended_ = got <= 0;
    if (got > 0) buffer_.append(bytes, static_cast<size_t>(got));
    return got > 0;
  }

  UniqueFd fd_;
  bool connected_ = false, ended_ = false;
  std::string buffer_;
};

// "GET /x HTTP/1.1" with a Host, the token, and a JSON body when there is one.
inline std::string request(std::string_view method, std::string_view target, std::string_view body = "",
                           std::string_view more_headers = "") {
  std::string out = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" +
                    "Authorization: Bearer " + kTestToken + "\r\n" + std::string(more_headers);
  if (!body.empty()) {
    out += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return out + "\r\n" + std::string(body);
}

inline std::string open_request(std::string_view target) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

}  // namespace syncnode::http
