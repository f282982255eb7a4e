// The command line of sync-node: --node a|b [--env-file FILE] [--check-config]. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace syncnode::daemon {

struct Arguments {
  std::string node;  // "a", "b", or "" when ROLE says it
  std::vector<std::string> env_files;
  bool check_config = false, help = false, version = false;
};

// kInvalidArgument for anything else. `words` are those behind the program's name.
Result<Arguments> parse_arguments(const std::vector<std::string>& words);

extern const char kUsage[];

}  // namespace syncnode::daemon
