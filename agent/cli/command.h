// Commands: one file per verb of sync-nodectl, each adding its options to the command line and, when it was
// chosen, leaving what to run in the Invocation. Only agent/cli includes CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/node.h"

namespace syncnode::cli {

// Filled by parsing; lives in main() until the command has run.
struct Invocation {
  std::vector<std::string> env_files;  // --env-file, repeatable
  std::function<ExitCode(Console&)> run;
};

void add_check_config(CLI::App& root, Invocation& invocation);
void add_client(CLI::App& root, Invocation& invocation);
void add_conflicts(CLI::App& root, Invocation& invocation);
void add_deploy(CLI::App& root, Invocation& invocation);
void add_deregister(CLI::App& root, Invocation& invocation);
void add_docker_ipv6(CLI::App& root, Invocation& invocation);
void add_held(CLI::App& root, Invocation& invocation);
void add_jobs(CLI::App& root, Invocation& invocation);
void add_leader(CLI::App& root, Invocation& invocation);
void add_schema(CLI::App& root, Invocation& invocation);
void add_status(CLI::App& root, Invocation& invocation);
void add_step_down(CLI::App& root, Invocation& invocation);
void add_sync(CLI::App& root, Invocation& invocation);
void add_verify(CLI::App& root, Invocation& invocation);
void add_version(CLI::App& root, Invocation& invocation);

// The verbs below `client`, `conflicts` and `held`, one file each.
void add_client_deregister(CLI::App& client, Invocation& invocation);
void add_client_inspect(CLI::App& client, Invocation& invocation);
void add_client_list(CLI::App& client, Invocation& invocation);
void add_client_register(CLI::App& client, Invocation& invocation);
void add_client_schedule(CLI::App& client, Invocation& invocation);  // resume, pause, set-interval
void add_client_show(CLI::App& client, Invocation& invocation);
void add_conflicts_resolve(CLI::App& conflicts, Invocation& invocation);
void add_held_decide(CLI::App& held, Invocation& invocation);  // release, reject
void add_held_list(CLI::App& held, Invocation& invocation);

// Options that several commands have, with one wording.
struct AdminOptions {
  std::string url, url_file;
};
void add_admin_options(CLI::App& command, AdminOptions& options);
void add_node_options(CLI::App& command, NodeOptions& options);
void add_json_flag(CLI::App& command, bool& as_json);
void add_client_name(CLI::App& command, std::string& name, bool required);
void add_interval(CLI::Option& option);  // its range; "live" is read as 0
void add_docker_socket(CLI::App& command, std::string& socket);

// Runs `ask` with the node that a command with these options talks to, or says why there is none.
ExitCode with_node(const NodeOptions& options, const Invocation& invocation, Console& console, bool as_json,
                   const std::function<ExitCode(Node&)>& ask);

}  // namespace syncnode::cli
