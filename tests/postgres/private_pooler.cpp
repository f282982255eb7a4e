#include "postgres/private_pooler.h"

#include <poll.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "base/unique_fd.h"
#include "postgres/tcp_proxy.h"

namespace syncnode::test {
namespace {

constexpr int kPort = 6432;  // names the socket file only: nothing listens on TCP

void must(bool condition, const std::string& what) {
  if (!condition) throw std::runtime_error("private pooler: " + what);
}

struct Login {
  std::string user, password;
};

Login login_of(const std::string& url) {
  const size_t begin = url.find("://") + 3;
  const size_t colon = url.find(':', begin);
  const size_t at = url.find('@');
  return {url.substr(begin, colon - begin), url.substr(colon + 1, at - colon - 1)};
}

UniqueFd notify_socket(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  must(path.size() < sizeof address.sun_path, "the path of the socket is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size());
  must(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind " + path);
  ::chmod(path.c_str(), 0777);
  return fd;
}

}  // namespace

PrivatePooler::PrivatePooler(const std::string& mode, const std::vector<std::string>& users,
                             const std::string& forced_user, int size) {
  std::string pattern = (std::filesystem::temp_directory_path() / "sync-node-pooler.XXXXXX").string();
  must(::mkdtemp(pattern.data()) != nullptr, "mkdtemp");
  directory_ = pattern;
  std::ofstream userlist(directory_ + "/users");
  for (const std::string& url : users) {
    const Login login = login_of(url);
    userlist << '"' << login.user << "\" \"" << login.password << "\"\n";
  }
  userlist.close();
  std::ofstream settings(directory_ + "/pgbouncer.ini");
  settings << "[databases]\nsync = host=127.0.0.1 port=" << port_of(users.at(0)) << " dbname=sync";
  if (!forced_user.empty()) settings << " user=" << forced_user;
  settings << "\n[pgbouncer]\npool_mode = " << mode << "\nlisten_addr =\nlisten_port = " << kPort
           << "\nunix_socket_dir = " << directory_ << "\nauth_type = trust\nauth_file = " << directory_
           << "/users\ndefault_pool_size = " << size << "\nlogfile = " << directory_ << "/log\n";
  settings.close();
  const UniqueFd notify = notify_socket(directory_ + "/notify");
  std::vector<std::string> arguments{"pgbouncer", "-q"};
  if (::geteuid() == 0) {
    const passwd* owner = ::getpwnam("postgres");
    must(owner != nullptr, "no user postgres");
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      must(::chown(entry.path().c_str(), owner->pw_uid, owner->pw_gid) == 0, "chown");
    }
    must(::chown(directory_.c_str(), owner->pw_uid, owner->pw_gid) == 0, "chown");
    arguments.insert(arguments.end(), {"-u", "postgres"});
  }
  arguments.push_back(directory_ + "/pgbouncer.ini");
  const std::string notify_variable = "NOTIFY_SOCKET=" + directory_ + "/notify";
  std::array<char*, 3> environment{const_cast<char*>("PATH=/usr/sbin:/usr/bin:/bin"),
                                   const_cast<char*>(notify_variable.c_str()), nullptr};
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const bool in_sbin = ::access("/usr/sbin/pgbouncer", X_OK) == 0;
  const int failed =
      in_sbin ? ::posix_spawn(&pid_, "/usr/sbin/pgbouncer", nullptr, nullptr, argv.data(), environment.data())
              : ::posix_spawnp(&pid_, "pgbouncer", nullptr, nullptr, argv.data(), environment.data());
  must(failed == 0, "cannot run pgbouncer; install it");
  wait_until_ready(notify.get());
}

void PrivatePooler::wait_until_ready(int notify_fd) {
  constexpr int kMilliseconds = 20000;
  std::string said;
  while (said.find("READY=1") == std::string::npos) {
    pollfd watched{notify_fd, POLLIN, 0};
    must(::poll(&watched, 1, kMilliseconds) == 1, "pgbouncer did not become ready");
    std::array<char, 512> buffer{};
    const ssize_t got = ::recv(notify_fd, buffer.data(), buffer.size(), 0);
    if (got > 0) said.append(buffer.data(), static_cast<size_t>(got));
  }
}

PrivatePooler::~PrivatePooler() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string PrivatePooler::url(const std::string& direct_url) const {
  const Login login = login_of(direct_url);
  return "postgresql://" + login.user + ":" + login.password + "@/sync?host=" + directory_ +
         "&port=" + std::to_string(kPort);
}

}  // namespace syncnode::test
