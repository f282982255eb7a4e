#include "docker/engine.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"
#include "json/json.h"

namespace syncnode::docker {
namespace {

constexpr size_t kMostBytes = 16u << 20;  // a description is a few kilobytes, a list a kilobyte for each

Error cannot_ask(int code, const std::string& socket) {
  bool denied = code == EACCES || code == EPERM;
  return {
      denied ? ErrorCode::kPermissionDenied : ErrorCode::kUnavailable,
      fmt::format("Docker cannot be asked at '{}': {}", socket, std::strerror(code)),
      denied ? "run the command with sudo, or give --sqlite-path FILE" : "give --sqlite-path FILE instead"};
}

Result<UniqueFd> connect_to(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) return cannot_ask(ENAMETOOLONG, socket);
  socket.copy(address.sun_path, socket.size());
  UniqueFd connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!connection.valid()) return cannot_ask(errno, socket);
  if (::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return cannot_ask(errno, socket);
  }
  return connection;
}

// HTTP/1.0, so that the answer is neither chunked nor kept open: it ends with the connection.
Result<std::string> exchange(const std::string& path, const std::string& socket, Deadline deadline) {
  SN_ASSIGN(auto connection, connect_to(socket));
  std::string request = fmt::format("GET {} HTTP/1.0\r\nHost: docker\r\n\r\n", path);
  if (::send(connection.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return cannot_ask(errno, socket);
  }
  std::string answer;
  while (true) {
    pollfd wait{connection.get(), POLLIN, 0};
    int ready = ::poll(&wait, 1, poll_milliseconds(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0)
      return Error{ErrorCode::kDeadlineExceeded, "Docker gave no answer in time", "is Docker healthy?"};
    char buffer[8192];
    ssize_t got = ready < 0 ? -1 : ::recv(connection.get(), buffer, sizeof buffer, 0);
    if (got < 0) return cannot_ask(errno, socket);
    if (got == 0) return answer;
    answer.append(buffer, static_cast<size_t>(got));
    if (answer.size() > kMostBytes)
      return Error{ErrorCode::kResourceExhausted, "Docker's answer is too large", ""};
  }
}

}  // namespace

Result<Answer> get(const std::string& path, const std::string& socket, Deadline deadline) {
  SN_ASSIGN(auto answer, exchange(path, socket, deadline));
  auto body = answer.find("\r\n\r\n");
  auto space = answer.find(' ');
  if (answer.rfind("HTTP/1.", 0) != 0 || body == std::string::npos || space == std::string::npos) {
    return Error{ErrorCode::kUnavailable, fmt::format("what answers at '{}' is not Docker", socket), ""};
  }
  return Answer{answer.substr(space + 1, 3), answer.substr(body + 4)};
}

namespace {

Error refused(const Answer& answer) {
  return {ErrorCode::kUnavailable, fmt::format("Docker answered with status {}", answer.status), ""};
}

// "/openwebui-acme"; a link of another container to it is "/other/openwebui-acme".
std::string own_name(const json::Json& container) {
  const auto names = container.is_object() ? container.find("Names") : container.end();
  if (names == container.end() || !names->is_array()) return "";
  for (const auto& name : *names) {
    const std::string text = name.is_string() ? name.get<std::string>() : "";
    if (text.starts_with('/') && is_container_name(text.substr(1))) return text.substr(1);
  }
  return "";
}

}  // namespace

bool is_container_name(std::string_view name) {
  if (name.empty() || name.size() > 255 || name[0] == '.' || name[0] == '-') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
         std::string_view::npos;
}

Result<std::vector<std::string>> container_names(const std::string& socket, Deadline deadline) {
  SN_ASSIGN(const auto answer, get("/containers/json?all=1", socket, deadline));
  if (answer.status != "200") return refused(answer);
  auto list = json::parse(answer.body);
  if (!list) return std::move(list).error().with_context("Docker's list of containers");
  std::vector<std::string> names;
  for (const auto& container : *list) {
    if (auto name = own_name(container); !name.empty()) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::string> describe_container(const std::string& container, const std::string& socket,
                                       Deadline deadline) {
  if (!is_container_name(container)) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("'{}' is not a container name", container),
                 "docker ps shows the names"};
  }
  SN_ASSIGN(auto answer, get(fmt::format("/containers/{}/json", container), socket, deadline));
  if (answer.status == "200") return std::move(answer.body);
  if (answer.status != "404") return refused(answer);
  return Error{ErrorCode::kNotFound, fmt::format("there is no container '{}'", container),
               "docker ps -a shows all"};
}

}  // namespace syncnode::docker
