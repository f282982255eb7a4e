#include "daemon/settings_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/unique_fd.h"

namespace syncnode::daemon {
namespace {

// Named as their files, so that messages about them can be understood.
std::vector<std::string> names_of_files(const SettingsPlaces& places) {
  std::vector<std::string> names{".env"};
  if (!places.node.empty()) names.push_back("node-" + places.node + ".env");
  return names;
}

std::vector<std::string> files_in(const SettingsPlaces& places, const std::string& directory) {
  std::vector<std::string> files;
  if (places.credentials_directory.empty()) return files;
  for (const std::string& name : names_of_files(places)) {
    if (::access((places.credentials_directory + "/" + name).c_str(), F_OK) == 0) {
      files.push_back(fmt::format("{}/{}", directory, name));
    }
  }
  return files;
}

}  // namespace

SettingsPlaces settings_places(const std::string& node) {
  SettingsPlaces places;
  if (const char* given = std::getenv("CREDENTIALS_DIRECTORY")) places.credentials_directory = given;
  places.node = node;
  return places;
}

std::vector<std::string> files_at_start(const SettingsPlaces& places) {
  return files_in(places, places.credentials_directory);
}

std::vector<std::string> files_at_reload(const SettingsPlaces& places) {
  return files_in(places, places.configuration_directory);
}

void answer_reload(const std::string& runtime_directory, const Status& outcome) {
  const std::string path = runtime_directory + "/reload-answer";
  const UniqueFd fifo(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  struct stat facts {};
  if (!fifo.valid() || ::fstat(fifo.get(), &facts) != 0 || !S_ISFIFO(facts.st_mode)) return;
  std::string line = outcome ? "applied" : "refused: " + outcome.error().to_string();
  std::replace(line.begin(), line.end(), '\n', ' ');
  line += '\n';
  // The log says the same; whoever went away meanwhile does not hear it, ignoring.
  const ssize_t written = ::write(fifo.get(), line.data(), line.size());
  static_cast<void>(written);
}

}  // namespace syncnode::daemon
