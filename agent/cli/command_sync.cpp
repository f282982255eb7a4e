#include <unistd.h>

#include <memory>

#include "base/stop_signals.h"
#include "cli/command.h"
#include "cli/database.h"
#include "cli/jobs_page.h"
#include "cli/leader_job.h"
#include "cli/node_documents.h"
#include "cli/progress_bar.h"
#include "cli/run_report.h"
#include "host/privileges.h"
#include "oneshot/client_run.h"
#include "oneshot/followed_job.h"
#include "sync/verify_report.h"

namespace syncnode::cli {
namespace {

struct Options {
  std::string client, sqlite_path;
  bool full = false, as_json = false;
  NodeOptions node;
};

ExitCode exit_code_of_preparing(const Error& error) {
  return error.code == ErrorCode::kNotFound ? ExitCode::kNoSuchClient : exit_code_of(error);
}

// Everything before the run itself, in the order that law L1 asks for: settings, privileges, threads, the
// file.
template <typename Report>
ExitCode run(const Options& options, const Invocation& invocation, Console& console,
             Result<Report> (*body)(const sync::RunOptions&, Log&, sync::Progress&, const std::stop_token&),
             ExitCode (*show)(const Options&, const Report&, Console&)) {
  auto settings = load_settings(invocation, config::Purpose::kCommand);
  if (!settings) return console.fail(settings.error(), ExitCode::kConfiguration, options.as_json);
  auto dropped = host::drop_to_reader(settings->state_directory);
  if (!dropped) return console.fail(dropped.error(), options.as_json);
  StopSignals signals;
  oneshot::ClientChoice choice{options.client, std::nullopt, "", "sync-nodectl"};
  if (!options.sqlite_path.empty()) choice.sqlite_path = options.sqlite_path;
  auto client = oneshot::find_client(*settings, choice);
  if (!client) return console.fail(client.error(), exit_code_of_preparing(client.error()), options.as_json);
  auto prepared = oneshot::prepare_run(*settings, choice, *client);
  if (!prepared)
    return console.fail(prepared.error(), exit_code_of_preparing(prepared.error()), options.as_json);
  prepared->full = options.full;
  Result<Report> report = [&] {
    ProgressBar progress(STDERR_FILENO, console.err_is_terminal(), console.err(), LogLevel::kWarning);
    return body(*prepared, progress, progress, signals.token());
  }();
  if (!report) return console.fail(report.error(), options.as_json);
  return show(options, *report, console);
}

ExitCode show_sync(const Options& options, const sync::RunReport& report, Console& console) {
  if (options.as_json) {
    console.print_document(sync_document(options.client, report));
  } else {
    console.print(sync_page(options.client, report, console.out()));
  }
  return report.waits() ? ExitCode::kNeedsPerson : ExitCode::kOk;
}

// The same page and document, whoever did it.
ExitCode show_report(const Options& options, const sync::VerifyReport& report, Console& console) {
  if (options.as_json) {
    console.print_document(verify_document(options.client, report));
  } else {
    console.print(verify_page(options.client, report, console.out()));
  }
  return report.equal() ? ExitCode::kOk : ExitCode::kFailed;
}

ExitCode show_verify(const Options& options, const sync::Verified& verified, Console& console) {
  return show_report(options, verified.report, console);
}

ExitCode show_sync_job(const Options& options, const control::JobView& job, Console& console) {
  const bool held = oneshot::needs_person(job);
  if (job.status != "success" && !held) return console.fail(oneshot::failure_of(job), options.as_json);
  if (options.as_json) {
    console.print_document(sync_document(job));
  } else {
    console.print(sync_page(job, console.out()));
  }
  return held ? ExitCode::kNeedsPerson : ExitCode::kOk;
}

ExitCode show_verify_job(const Options& options, const control::JobView& job, Console& console) {
  const bool compared =
      job.status == "success" || job.status == "held" || job.status == "conflicts" || job.status == "differs";
  if (!compared) return console.fail(oneshot::failure_of(job), options.as_json);
  auto report = sync::read_verify_report(job.report);
  if (!report) return console.fail(report.error(), options.as_json);
  return show_report(options, *report, console);
}

// Asked before root is given up: a node knows root, and there is no way back. Nothing: nobody leads here.
std::optional<ExitCode> by_leader(const Options& options, bool verify, const Invocation& invocation,
                                  Console& console) {
  if (options.sqlite_path.empty()) {
    const auto show = verify ? show_verify_job : show_sync_job;
    return done_by_leader({{options.client, options.full, verify},
                           options.as_json,
                           options.node,
                           [&](const control::JobView& job, Console& to) { return show(options, job, to); }},
                          invocation, console);
  }
  if (!options.node.is_chosen()) return std::nullopt;
  return console.fail({ErrorCode::kInvalidArgument, "a node reads the registered file, not --sqlite-path",
                       "leave --sqlite-path out, or --node and --remote"},
                      ExitCode::kUsage, options.as_json);
}

ExitCode sync(const Options& options, const Invocation& invocation, Console& console) {
  if (auto done = by_leader(options, false, invocation, console)) return *done;
  return run<sync::RunReport>(options, invocation, console, sync::run_sync, show_sync);
}

ExitCode verify(const Options& options, const Invocation& invocation, Console& console) {
  if (auto done = by_leader(options, true, invocation, console)) return *done;
  return run<sync::Verified>(options, invocation, console, sync::run_verify, show_verify);
}

CLI::App* add_run(CLI::App& root, const char* verb, const char* help,
                  const std::shared_ptr<Options>& options) {
  auto* command = root.add_subcommand(verb, help);
  add_client_name(*command, options->client, true);
  command->add_option("--sqlite-path", options->sqlite_path, "read this file instead of the registered one")
      ->type_name("FILE");
  add_node_options(*command, options->node);
  add_json_flag(*command, options->as_json);
  return command;
}

}  // namespace

void add_sync(CLI::App& root, Invocation& invocation) {
  auto options = std::make_shared<Options>();
  auto* command = add_run(root, "sync", "Bring the copy of a client up to date now", options);
  command->add_flag("--full", options->full,
                    "compare everything with the copy instead of trusting what was remembered");
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options](Console& console) { return sync(*options, invocation, console); };
  });
}

void add_verify(CLI::App& root, Invocation& invocation) {
  auto options = std::make_shared<Options>();
  auto* command = add_run(root, "verify", "Prove that the copy of a client equals its database", options);
  command->callback([&invocation, options] {
    invocation.run = [&invocation, options](Console& console) {
      return verify(*options, invocation, console);
    };
  });
}

}  // namespace syncnode::cli
