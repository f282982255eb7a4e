// The command line of sync-client-to-supabase: [CLIENT_NAME] [--full] [--sqlite-path FILE] [--env-file FILE].
// Kept by hand because only cli/ may know the command line library, and because there is so little of it.
// Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace syncnode::oneshot {

struct Arguments {
  std::string client_name, sqlite_path;
  std::vector<std::string> env_files;
  bool full = false, help = false, version = false;
};

// kInvalidArgument for anything else. `words` are those behind the program's name.
Result<Arguments> parse_arguments(const std::vector<std::string>& words);

extern const char kUsage[];

}  // namespace syncnode::oneshot
