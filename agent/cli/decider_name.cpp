#include "cli/decider_name.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "base/host_name.h"

namespace syncnode::cli {

std::string decider_name() {
  const char* behind_sudo = std::getenv("SUDO_USER");
  const passwd* user = ::getpwuid(::getuid());
  std::string name = behind_sudo != nullptr ? behind_sudo
                     : user != nullptr      ? user->pw_name
                                            : std::to_string(::getuid());
  return name + "@" + host_name();
}

}  // namespace syncnode::cli
