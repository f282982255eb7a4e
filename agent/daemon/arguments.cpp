#include "daemon/arguments.h"

#include <fmt/format.h>

namespace syncnode::daemon {

const char kUsage[] =
    "Usage: sync-node --node a|b [--env-file FILE] [--check-config]\n"
    "\n"
    "Runs one node in the foreground: syncs the enabled clients of its cluster, each by its interval.\n"
    "\n"
    "  --node a|b       which node this is; default: ROLE of the settings\n"
    "  --env-file FILE  read settings from FILE too; may be repeated; the environment wins over files\n"
    "                   without it, those that systemd gives as credentials are read\n"
    "  --check-config   check the settings as a start would, all at once, and stop\n"
    "  --help, --version\n"
    "\n"
    "Exit codes: 0 stopped on request, 1 failed, 64 wrong command line, 78 wrong settings.\n";

namespace {

Error refused(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message), "sync-node --help"};
}

}  // namespace

Result<Arguments> parse_arguments(const std::vector<std::string>& words) {
  Arguments arguments;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    bool takes_value = word == "--node" || word == "--env-file";
    if (takes_value && i + 1 == words.size()) return refused(fmt::format("{} needs a value", word));
    if (word == "--node") {
      arguments.node = words[++i];
      if (arguments.node != "a" && arguments.node != "b") {
        return refused(fmt::format("--node is 'a' or 'b', not '{}'", arguments.node));
      }
    } else if (word == "--env-file") {
      arguments.env_files.push_back(words[++i]);
    } else if (word == "--check-config") {
      arguments.check_config = true;
    } else if (word == "--help" || word == "-h") {
      arguments.help = true;
    } else if (word == "--version") {
      arguments.version = true;
    } else {
      return refused(fmt::format("'{}' is not an option", word));
    }
  }
  return arguments;
}

}  // namespace syncnode::daemon
