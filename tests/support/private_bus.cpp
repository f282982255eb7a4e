#include "support/private_bus.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace syncnode::test {
namespace {

constexpr uid_t kNobody = 65534;

constexpr const char* kOpenRules = R"(
  <policy context="default">
    <allow user="*"/> <allow own="*"/> <allow send_destination="*"/> <allow receive_sender="*"/>
  </policy>)";

// The gist of /usr/share/dbus-1/system.conf.
constexpr const char* kSystemRules = R"(
  <policy context="default">
    <allow user="*"/> <deny own="*"/> <deny send_type="method_call"/>
    <allow send_type="signal"/> <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/> <allow receive_type="method_return"/> <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
  </policy>)";

// The installed policy; a developer who is not root stands in for the user sync-node.
std::string installed_policy() {
  std::ifstream file(SYNC_NODE_SOURCE "/units/dbus/org.openwebui.SyncNode1.conf");
  std::stringstream text;
  text << file.rdbuf();
  std::string policy = text.str();
  const std::string user = "user=\"sync-node\"", self = "user=\"" + std::to_string(getuid()) + "\"";
  if (policy.find(user) == std::string::npos)
    throw std::runtime_error("the installed bus policy has no sync-node");
  for (size_t at = 0; (at = policy.find(user, at)) != std::string::npos; at += self.size()) {
    policy.replace(at, user.size(), self);
  }
  return policy;
}

}  // namespace

PrivateBus::PrivateBus(Policy policy) {
  std::string pattern = (std::filesystem::temp_directory_path() / "sync-node-bus-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  directory_ = pattern;
  chmod(directory_.c_str(), 0755);  // other uids connect too
  address_ = "unix:path=" + directory_ + "/bus";
  std::ofstream(directory_ + "/policy.conf") << installed_policy();
  std::ofstream(directory_ + "/bus.conf")
      << "<busconfig><listen>" << address_ << "</listen><auth>EXTERNAL</auth>"
      << (policy == Policy::kOpen ? kOpenRules : kSystemRules)
      << (policy == Policy::kOpen ? "" : "<include>" + directory_ + "/policy.conf</include>")
      << "</busconfig>";
  start();
}

PrivateBus::~PrivateBus() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void PrivateBus::kill() {
  daemon_.reset();
  std::error_code ignored;
  std::filesystem::remove(directory_ + "/bus", ignored);
}

void PrivateBus::start() {
  daemon_ = std::make_unique<Child>(
      std::vector<std::string>{"dbus-daemon", "--config-file=" + directory_ + "/bus.conf", "--nofork",
                               "--print-address=1"},
      directory_ + "/bus.log");
  if (daemon_->line().empty()) throw std::runtime_error("dbus-daemon did not start");
}

uid_t stranger_own_uid() {
  return getuid() == 0 ? 0 : kNobody;
}

uid_t stranger_uid() {
  return getuid() == 0 ? kNobody : getuid();
}

void become_stranger() {
  if (getuid() != 0) return;
  // The system calls themselves: the library's functions would change all threads.
  if (syscall(SYS_setresgid, kNobody, kNobody, kNobody) != 0 ||
      syscall(SYS_setresuid, kNobody, kNobody, kNobody) != 0) {
    throw std::runtime_error("cannot become another uid");
  }
}

}  // namespace syncnode::test
