#include "docker_ipv6/host.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/pause.h"
#include "docker/engine.h"
#include "docker_ipv6/daemon_text.h"
#include "docker_ipv6/flags.h"
#include "process/run.h"

namespace syncnode::docker_ipv6 {
namespace {

constexpr std::chrono::seconds kSoon{10};
constexpr std::chrono::minutes kRestart{3};  // a Docker with many containers takes its time
constexpr std::chrono::seconds kAnswer{60};
constexpr std::chrono::milliseconds kBetweenLooks{200};

const char* systemctl() {
  return ::access("/usr/bin/systemctl", X_OK) == 0 ? "/usr/bin/systemctl" : "/bin/systemctl";
}

// The value of "NAME=value" in the lines of `systemctl show`.
std::string property(const std::string& lines, const std::string& name) {
  std::istringstream stream(lines);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(name + "=")) return line.substr(name.size() + 1);
  }
  return "";
}

std::vector<std::string> command_line_of_process(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

// Where distributions and Docker itself put it.
std::string usual_program() {
  for (const char* path : {"/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return "";
}

// The first socket it listens at; by default Docker's.
std::string socket_of(const std::vector<std::string>& flags, const std::string& daemon_text) {
  constexpr std::string_view kScheme = "unix://";
  std::vector<std::string> hosts = flags;
  if (const auto document = read_document(daemon_text); document && document->contains("hosts")) {
    for (const auto& host : (*document)["hosts"]) {
      if (host.is_string()) hosts.push_back(host.get<std::string>());
    }
  }
  for (const std::string& word : hosts) {
    const size_t at = word.find(kScheme);
    if (at != std::string::npos && word.size() > at + kScheme.size()) return word.substr(at + kScheme.size());
  }
  return docker::kSocket;
}

std::optional<bool> bool_member(const json::Json& object, const char* name) {
  const auto member = object.is_object() ? object.find(name) : object.end();
  if (member == object.end() || !member->is_boolean()) return std::nullopt;
  return member->get<bool>();
}

// The body of an answer that says yes.
std::optional<json::Json> ask(const std::string& path, const std::string& socket) {
  const auto answer = docker::get(path, socket, deadline_in(kSoon));
  if (!answer || answer->status != "200") return std::nullopt;
  auto document = json::parse(answer->body);
  return document ? std::optional(*std::move(document)) : std::nullopt;
}

std::string first_word_of(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

// 32 hexadecimal digits and a length, as the kernel writes them.
Prefix kernel_prefix(const std::string& digits, int length) {
  Prefix prefix{{}, length};
  for (size_t byte = 0; byte < 16 && digits.size() == 32; ++byte) {
    prefix.address[byte] = static_cast<uint8_t>(std::stoul(digits.substr(2 * byte, 2), nullptr, 16));
  }
  return prefix;
}

bool is_of_no_concern(const Prefix& prefix, const std::string& interface) {
  const bool link_or_multicast = prefix.address[0] == 0xfe || prefix.address[0] == 0xff;
  return prefix.length == 0 || link_or_multicast || interface == "lo" || interface == "docker0";
}

// Routes cover addresses: each has one to its network.
void read_routes(Network& network) {
  constexpr unsigned long kLearned = 0x00040000;  // RTF_ADDRCONF
  const bool forwards = first_word_of("/proc/sys/net/ipv6/conf/all/forwarding") == "1";
  std::ifstream file("/proc/net/ipv6_route");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    const std::vector<std::string> field{std::istream_iterator<std::string>(words), {}};
    if (field.size() < 10) continue;
    const std::string& interface = field[9];
    const Prefix prefix = kernel_prefix(field[0], static_cast<int>(std::stoul(field[1], nullptr, 16)));
    if (!is_of_no_concern(prefix, interface)) network.taken.push_back(prefix);
    const bool learned = (std::stoul(field[8], nullptr, 16) & kLearned) != 0;
    if (prefix.length != 0 || !learned || forwards) continue;
    if (first_word_of("/proc/sys/net/ipv6/conf/" + interface + "/accept_ra") != "2" &&
        std::ranges::find(network.advertised_on, interface) == network.advertised_on.end()) {
      network.advertised_on.push_back(interface);
    }
  }
}

// What a program said, on one line.
std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  std::ranges::replace(text, '\n', ' ');
  return text;
}

bool has_failed() {
  const auto shown =
      process::run({systemctl(), "show", "docker.service", "-p", "ActiveState"}, deadline_in(kSoon));
  return shown && property(shown->output, "ActiveState") == "failed";
}

Error did_not_start(const std::string& why) {
  return {ErrorCode::kUnavailable, fmt::format("Docker did not start: {}", why),
          "journalctl -u docker.service -n 50"};
}

Error not_known(std::string what) {
  return {
      ErrorCode::kDeadlineExceeded, std::move(what),
      "systemctl status docker; journalctl -u docker.service -n 50; then: sync-nodectl docker-ipv6 status"};
}

}  // namespace

Installation find_docker() {
  Installation docker;
  const auto shown = process::run(
      {systemctl(), "show", "docker.service", "-p", "LoadState", "-p", "MainPID", "-p", "ExecStart"},
      deadline_in(kSoon));
  std::vector<std::string> command;
  if (shown && shown->exit_code == 0 && property(shown->output, "LoadState") == "loaded") {
    docker.has_unit = true;
    const std::string pid = property(shown->output, "MainPID");
    docker.is_active = !pid.empty() && pid != "0";
    if (docker.is_active) command = command_line_of_process(pid);
    if (command.empty()) {
      CommandLine of_unit = command_line_of(property(shown->output, "ExecStart"));
      command = std::move(of_unit.words);
      docker.unread = std::move(of_unit.variables);
    }
  }
  const bool is_known = !command.empty() && command[0].starts_with("/");
  docker.program = is_known ? command[0] : usual_program();
  if (!command.empty()) docker.flags.assign(command.begin() + 1, command.end());
  if (docker.program.empty()) return docker;
  if (const auto said = process::run({docker.program, "--version"}, deadline_in(kSoon)); said) {
    docker.version = parse_version(said->output);
  }
  return docker;
}

Engine ask_engine(const Installation& docker, const std::string& daemon_text) {
  Engine engine;
  // systemd listens for a Docker that does not run, and would start it for our question.
  if (docker.has_unit && !docker.is_active) return engine;
  const std::string socket = socket_of(docker.flags, daemon_text);
  const auto info = ask("/info", socket);
  if (!info) return engine;
  engine.answers = true;
  engine.containers = json::integer_member(*info, "ContainersRunning");
  engine.live_restore = bool_member(*info, "LiveRestoreEnabled");
  if (const auto bridge = ask("/networks/bridge", socket)) {
    engine.bridge_ipv6 = bool_member(*bridge, "EnableIPv6");
  }
  return engine;
}

Network look_at_network() {
  Network network;
  network.has_ipv6 = ::access("/proc/sys/net/ipv6", F_OK) == 0;
  read_routes(network);
  return network;
}

Status validate(const Installation& docker, const std::string& path, const std::string& old_path) {
  if (!docker.version || !can_validate(*docker.version)) return {};
  auto judge = [&](const std::string& file) {
    std::vector<std::string> words{docker.program, "--validate", "--config-file=" + file};
    std::ranges::copy(without_file_flag(docker.flags), std::back_inserter(words));
    return process::run(words, deadline_in(kSoon));
  };
  const auto verdict = judge(path);
  if (verdict && verdict->exit_code == 0) return {};
  // It also fails for reasons that are not in the file; those it has of the old one too.
  const auto before = judge(old_path.empty() ? "/dev/null" : old_path);
  if (!before || before->exit_code != 0 || !verdict) return {};
  return Error{ErrorCode::kFailedPrecondition,
               fmt::format("dockerd does not take the new file: {}", one_line(verdict->output)),
               "nothing was changed"};
}

Status restart(const Installation& docker, const std::string& daemon_text, const Restart& how) {
  // systemd refuses to start what failed too often; the answer does not matter, ignoring.
  if (how.again) {
    static_cast<void>(process::run({systemctl(), "reset-failed", "docker.service"}, deadline_in(kSoon)));
  }
  const auto restarted = process::run({systemctl(), "restart", "docker.service"}, deadline_in(kRestart));
  if (!restarted && restarted.error().code == ErrorCode::kDeadlineExceeded) {
    return has_failed() ? did_not_start("it failed") : not_known("Docker did not come up in time");
  }
  if (!restarted) return restarted.error();
  if (restarted->exit_code != 0) return did_not_start(one_line(restarted->output));
  if (!how.answered) return {};
  const Deadline deadline = deadline_in(kAnswer);
  while (!ask_engine(docker, daemon_text).answers) {
    if (has_failed()) return did_not_start("it failed soon after");
    if (BootClock::now() > deadline) return not_known("Docker was started and does not answer yet");
    pause(kBetweenLooks, {});
  }
  return {};
}

}  // namespace syncnode::docker_ipv6
