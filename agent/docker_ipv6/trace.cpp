#include "docker_ipv6/trace.h"

#include <fmt/format.h>

#include <cstdlib>

#include "docker_ipv6/daemon_file.h"
#include "journal/journal.h"

namespace syncnode::docker_ipv6 {

void Trace::to_journal() const {
  if (keys_.empty() && outcome_.empty()) return;
  // Set by sudo, which keeps nobody's own word for it.
  const char* sudo_user = std::getenv("SUDO_USER");
  const std::string user = sudo_user == nullptr ? "root" : sudo_user;
  const std::string keys = fmt::format("{}", fmt::join(keys_, " "));
  const std::string outcome = outcome_.empty() ? "docker was not restarted" : outcome_;
  // The terminal has seen it; a host without a journal is no reason to fail, ignoring.
  static_cast<void>(
      journal::send({fmt::format("MESSAGE=docker-ipv6 {}: {} in {}, asked for by {}; {}", verb_,
                                 keys.empty() ? "no key" : keys, kDaemonFile, user, outcome),
                     fmt::format("MESSAGE_ID={}", kMessageId),
                     fmt::format("PRIORITY={}", journal::priority_of(LogLevel::kInfo)), "SUDO_USER=" + user,
                     "SYNCNODE_DOCKER_KEYS=" + keys, "SYNCNODE_DOCKER_OUTCOME=" + outcome}));
}

}  // namespace syncnode::docker_ipv6
