#include "writer.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <optional>
#include <stdexcept>

#include "sqlite/database.h"

namespace syncnode::capture {
namespace {

constexpr int kTheirSocket = 3;
constexpr time_t kAnswerSeconds = 60;

bool send_text(int socket, std::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof size);
  bytes.append(text);
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t n = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<size_t>(n);
  }
  return true;
}

bool receive(int socket, char* bytes, size_t size) {
  for (size_t got = 0; got < size;) {
    const ssize_t n = ::recv(socket, bytes + got, size - got, 0);
    if (n <= 0) return false;
    got += static_cast<size_t>(n);
  }
  return true;
}

std::optional<std::string> receive_text(int socket) {
  uint32_t size = 0;
  if (!receive(socket, reinterpret_cast<char*>(&size), sizeof size)) return std::nullopt;
  std::string text(size, '\0');
  if (!receive(socket, text.data(), size)) return std::nullopt;
  return text;
}

std::string text_of(const Status& done) {
  return done ? std::string() : done.error().message;
}

}  // namespace

void Writer::start() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("socketpair");
  process_ = ::fork();
  if (process_ < 0) throw std::runtime_error("fork");
  if (process_ == 0) {
    if (ends[1] == kTheirSocket)
      ::fcntl(kTheirSocket, F_SETFD, 0);
    else
      ::dup2(ends[1], kTheirSocket);
    ::execl("/proc/self/exe", "writer", kArgument, nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  socket_ = ends[0];
  const timeval patience{kAnswerSeconds, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

void Writer::kill() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  ::close(socket_);
  process_ = -1;
}

std::string Writer::ask(char verb, int connection, std::string_view text) {
  if (process_ < 0) start();
  std::string message = {verb, static_cast<char>('0' + connection)};
  message.append(text);
  auto answer = send_text(socket_, message) ? receive_text(socket_) : std::nullopt;
  if (!answer) throw std::runtime_error("the writer did not answer to: " + message.substr(0, 400));
  return *answer;
}

std::string Writer::open(int connection, const std::string& path) {
  return ask('o', connection, path);
}
std::string Writer::execute(int connection, std::string_view sql) {
  return ask('x', connection, sql);
}
std::string Writer::close(int connection) {
  return ask('c', connection, "");
}

int Writer::serve() {
  std::array<sqlite::Database, 4> connections;
  while (auto message = receive_text(kTheirSocket)) {
    auto& connection = connections.at(static_cast<size_t>((*message)[1] - '0'));
    const std::string text = message->substr(2);
    Status done;
    switch (message->front()) {
      case 'o': {
        auto opened = sqlite::Database::open_own(text, sqlite::Database::Mode::kReadWriteCreate, 0);
        if (opened)
          connection = std::move(*opened);
        else
          done = opened.error();
        break;
      }
      case 'c':
        connection = sqlite::Database();
        break;
      default:
        done = connection.execute(text);
    }
    if (!send_text(kTheirSocket, text_of(done))) break;
  }
  return 0;
}

}  // namespace syncnode::capture
