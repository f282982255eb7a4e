#include "oneshot/arguments.h"

#include <fmt/format.h>

namespace syncnode::oneshot {

const char kUsage[] =
    "Usage: sync-client-to-supabase [CLIENT_NAME] [--full] [--sqlite-path FILE] [--env-file FILE]\n"
    "\n"
    "Brings the copy of one registered client up to date, once.\n"
    "\n"
    "  CLIENT_NAME         the client; default: CLIENT_NAME of the environment\n"
    "  --full              compare everything with the copy instead of trusting what was remembered\n"
    "  --sqlite-path FILE  read this file instead of the registered one\n"
    "  --env-file FILE     read settings from FILE too; the environment wins over it\n"
    "  --help, --version\n"
    "\n"
    "Environment: DATABASE_URL, CLIENT_NAME, CONTAINER_NAME (checked against the registered one), "
    "STATE_DIRECTORY.\n"
    "Exit codes: 0 success, 1 fatal error, 2 a person has to decide about conflicts or held deletes.\n";

namespace {

Error refused(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message), "sync-client-to-supabase --help"};
}

}  // namespace

Result<Arguments> parse_arguments(const std::vector<std::string>& words) {
  Arguments arguments;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--full") {
      arguments.full = true;
    } else if (word == "--help" || word == "-h") {
      arguments.help = true;
    } else if (word == "--version") {
      arguments.version = true;
    } else if (word == "--sqlite-path" || word == "--env-file") {
      if (i + 1 == words.size() || words[i + 1].empty())
        return refused(fmt::format("{} needs a file name", word));
      const std::string& file = words[++i];
      if (word == "--env-file")
        arguments.env_files.push_back(file);
      else
        arguments.sqlite_path = file;
    } else if (word.empty() || word[0] == '-') {
      return refused(fmt::format("'{}' is not an option", word));
    } else if (!arguments.client_name.empty()) {
      return refused(fmt::format("'{}' is one client name too many", word));
    } else {
      arguments.client_name = word;
    }
  }
  return arguments;
}

}  // namespace syncnode::oneshot
