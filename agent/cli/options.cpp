#include "cli/command.h"
#include "cli/database.h"
#include "config/settings.h"
#include "docker/engine.h"

namespace syncnode::cli {
namespace {

constexpr std::string_view kLiveWord = "live";
constexpr int kLongestInterval = 2678400;  // client_deployments.sync_interval

}  // namespace

void add_admin_options(CLI::App& command, AdminOptions& options) {
  command
      .add_option("--admin-url-file", options.url_file,
                  "file with the admin's postgresql:// URL, mode 600; - reads standard input")
      ->type_name("FILE");
  command.add_option("--admin-url", options.url, "the admin's URL, without a password")->type_name("URL");
}

void add_node_options(CLI::App& command, NodeOptions& options) {
  auto* node = command.add_option("--node", options.node, "ask this node, not the leader")
                   ->type_name("a|b")
                   ->check(CLI::IsMember(std::vector<std::string>{"a", "b"}));
  auto* remote = command.add_option("--remote", options.remote, "ask over HTTP: http(s)://HOST[:PORT]")
                     ->type_name("URL")
                     ->excludes(node);
  command.add_option("--token-file", options.token_file, "with --remote: file with the node's bearer token")
      ->type_name("FILE")
      ->needs(remote);
  command
      .add_option("--ca-file", options.ca_file,
                  "with --remote: PEM of the authority of the node's certificate")
      ->type_name("FILE")
      ->needs(remote);
}

ExitCode with_node(const NodeOptions& options, const Invocation& invocation, Console& console, bool as_json,
                   const std::function<ExitCode(Node&)>& ask) {
  auto settings = load_settings(invocation, config::Purpose::kAdmin);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration, as_json);
  auto node = reach_node(options, *settings);
  if (!node) return console.fail(node.error(), exit_code_of_asking(node.error()), as_json);
  return ask(**node);
}

void add_interval(CLI::Option& option) {
  const auto to_number = [](std::string& given) {
    if (given == kLiveWord) {
      given = "0";
      return std::string();
    }
    return CLI::Range(1, kLongestInterval)(given);
  };
  option.transform(CLI::Validator(to_number, ""))->type_name("SECONDS|live");
}

void add_docker_socket(CLI::App& command, std::string& socket) {
  socket = docker::kSocket;
  command.add_option("--docker-socket", socket, "where Docker, or what speaks like it, is asked")
      ->type_name("FILE")
      ->capture_default_str();
}

void add_json_flag(CLI::App& command, bool& as_json) {
  command.add_flag("--json", as_json, "one JSON document instead of text");
}

void add_client_name(CLI::App& command, std::string& name, bool required) {
  auto* option = command.add_option("NAME", name, "the client's name")->type_name("");
  option->required(required);
  option->check([](const std::string& text) {
    return config::is_client_name(text)
               ? std::string()
               : "client name '" + text + "' is not 1 to 56 letters, digits, '_' and '-'";
  });
}

}  // namespace syncnode::cli
