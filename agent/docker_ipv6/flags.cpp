#include "docker_ipv6/flags.h"

namespace syncnode::docker_ipv6 {

CommandLine command_line_of(std::string_view exec_start) {
  constexpr std::string_view kBegin = "argv[]=";
  const size_t begin = exec_start.find(kBegin);
  if (begin == std::string_view::npos) return {};
  std::string_view line = exec_start.substr(begin + kBegin.size());
  line = line.substr(0, line.find(" ;"));
  CommandLine command;
  while (!line.empty()) {
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(std::min(word.size() + 1, line.size()));
    if (word.empty()) continue;
    (word.find('$') == std::string_view::npos ? command.words : command.variables).emplace_back(word);
  }
  return command;
}

std::optional<std::string> flag(const std::vector<std::string>& words, std::string_view name) {
  std::optional<std::string> found;
  const std::string flag = "--" + std::string(name);
  for (size_t number = 0; number < words.size(); ++number) {
    const std::string& word = words[number];
    if (word.starts_with(flag + "=")) found = word.substr(flag.size() + 1);
    if (word != flag) continue;
    const bool has_value = number + 1 < words.size() && !words[number + 1].starts_with("-");
    found = has_value ? words[number + 1] : "true";
  }
  return found;
}

std::vector<std::string> without_file_flag(const std::vector<std::string>& words) {
  std::vector<std::string> kept;
  for (size_t number = 0; number < words.size(); ++number) {
    if (words[number].starts_with("--config-file=")) continue;
    if (words[number] == "--config-file") {
      ++number;
      continue;
    }
    kept.push_back(words[number]);
  }
  return kept;
}

}  // namespace syncnode::docker_ipv6
