// The flags that dockerd is started with. A key that is both a flag and in daemon.json stops Docker from
// starting, and a flag may name another file. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncnode::docker_ipv6 {

// The command line in `systemctl show -p ExecStart`, "{ path=… ; argv[]=… ; ignore_errors=… }".
struct CommandLine {
  std::vector<std::string> words;      // without variables: nobody but systemd knows what they hold
  std::vector<std::string> variables;  // "$DOCKER_OPTS"
};
CommandLine command_line_of(std::string_view exec_start);

// The value of --NAME ("true" for one without a value); the last one counts. `words` without the program.
std::optional<std::string> flag(const std::vector<std::string>& words, std::string_view name);

// What `--validate` is to be given beside the file.
std::vector<std::string> without_file_flag(const std::vector<std::string>& words);

}  // namespace syncnode::docker_ipv6
