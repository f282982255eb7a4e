// client inspect: where the containers keep their databases, for people, and written down for nodes, which
// may not ask Docker (sync-node-inspect.service). Reads no settings and no credentials: it needs Docker's
// socket alone.
#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/database.h"
#include "cli/text.h"
#include "docker/mounts_file.h"

namespace syncnode::cli {
namespace {

struct Options {
  std::string socket, file;
  bool as_json = false;
};

std::string page(const std::vector<docker::ContainerData>& containers, const Look& look) {
  Table table({{"CONTAINER"}, {"DATABASE"}});
  for (const auto& one : containers) {
    table.add({printable(one.container),
               one.database ? Table::Cell(printable(*one.database))
                            : Table::Cell(printable(one.database.error().message), Style::kBad)});
  }
  return containers.empty() ? "no container keeps an Open WebUI database\n" : table.render(look);
}

ExitCode run(const Options& options, Console& console) {
  auto containers = docker::all_container_data(command_deadline(), options.socket);
  if (!containers) return console.fail(containers.error(), options.as_json);
  const auto document = docker::mounts_document(*containers);
  if (!options.file.empty()) {
    auto written = docker::write_mounts_file(options.file, json::to_pretty_text(document));
    if (!written) return console.fail(written.error(), options.as_json);
  }
  if (options.as_json) {
    console.print_document(document);
  } else if (options.file.empty()) {
    console.print(page(*containers, console.out()));
  }
  return ExitCode::kOk;
}

}  // namespace

void add_client_inspect(CLI::App& client, Invocation& invocation) {
  auto* command =
      client.add_subcommand("inspect", "Ask Docker where the containers keep their databases; takes root");
  auto options = std::make_shared<Options>();
  command
      ->add_option("--write", options->file, "write it down for the nodes, as sync-node-inspect.timer does")
      ->type_name("FILE");
  add_docker_socket(*command, options->socket);
  add_json_flag(*command, options->as_json);
  command->callback([&invocation, options] {
    invocation.run = [options](Console& console) { return run(*options, console); };
  });
}

}  // namespace syncnode::cli
