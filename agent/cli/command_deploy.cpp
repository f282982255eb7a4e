#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <memory>

#include "cli/command.h"
#include "cli/database.h"
#include "cli/deploy_report.h"
#include "cli/deploy_request.h"
#include "cli/status_page.h"
#include "deploy/addresses.h"
#include "deploy/deployment.h"
#include "deploy/route.h"

namespace syncnode::cli {
namespace {

using deploy::Task;

constexpr std::chrono::seconds kElection{90};
constexpr std::chrono::seconds kMetadata{4};

// It writes what only root may read. Below a root of one's own anybody may try.
Status check_caller(const DeployOptions& options, const deploy::HostFiles& files) {
  if (options.task == Task::kPrepare || !files.is_live() || ::geteuid() == 0) return {};
  return Error{ErrorCode::kPermissionDenied, "deploy reads and writes /etc/sync-node, which is root's",
               "run it with sudo"};
}

void tell_about_ipv6(const DeployOptions& options, const deploy::Opened& opened, DeployReport& report) {
  if (opened.way() != deploy::Way::kPooler) return;
  for (const auto& one : opened.passed_over) report.warn(fmt::format("not reached: {}", one));
  const auto addresses = deploy::global_ipv6();
  const bool has_ipv6 = addresses && !addresses->empty();
  report.warn(
      "the pooler is used (IPv4): a longer way, and its limits on connections; the direct host needs IPv6");
  if (has_ipv6) {
    report.warn(fmt::format("this host has the global IPv6 address {}, so look at its routes and firewall",
                            addresses->front()));
  } else {
    report.warn(fmt::format("this host has no global IPv6 address; {}", deploy::kIpv6Advice));
  }
  if (!options.cloud_metadata) return;
  const auto advice = deploy::cloud_advice(deadline_in(kMetadata));
  report.warn(advice ? *advice : advice.error().message);
}

std::optional<ExitCode> confirm(const DeployOptions& options, const deploy::Wanted& wanted, bool anything,
                                Console& console) {
  if (options.yes || !anything) return std::nullopt;
  // With --json nobody was shown the plan.
  if (!console.can_ask() || options.as_json) {
    return console.fail({ErrorCode::kInvalidArgument,
                         options.as_json ? "deploy asks first, and with --json it cannot"
                                         : "deploy asks first, and there is no terminal",
                         "add --yes, or --dry-run to see only what it would do"},
                        ExitCode::kUsage, options.as_json);
  }
  if (console.ask(fmt::format("do this for host '{}'?", wanted.host_name))) return std::nullopt;
  console.note("nothing was changed\n");
  return ExitCode::kFailed;
}

int workers_of(const deploy::Found& found) {
  const auto text = deploy::value_in(found.environment.text, "SYNC_WORKERS").value_or("2");
  int workers = 2;
  std::from_chars(text.data(), text.data() + text.size(), workers);
  return workers;
}

// What the nodes say of themselves, where they can be asked.
void show_status(const deploy::HostFiles& files, Console& console) {
  const auto settings = config::load_settings({config::environment_of_process(), {files.environment()}, ""},
                                              config::Purpose::kAdmin);
  if (!settings) return;
  if (auto node = reach_node({}, *settings)) console.print(status_page(look(**node), console.out()));
}

// Nobody leads yet although the units run: everything else is as it should be.
Result<std::optional<deploy::Leader>> see_leader(deploy::Deployment& deployment) {
  const auto& wanted = deployment.wanted();
  if (wanted.task == Task::kPrepare || !wanted.units) return std::optional<deploy::Leader>();
  SN_ASSIGN(auto leader,
            deploy::wait_for_leader(deployment.connection(), wanted.host_name, deadline_in(kElection)));
  return std::optional(std::move(leader));
}

void say_what_is_next(const DeployOptions& options, const deploy::Wanted& wanted, Console& console) {
  if (options.as_json) return;
  if (wanted.task == Task::kPrepare) {
    console.print(
        fmt::format("next: bring '{0}' to the host in a safe way; there, sudo sync-nodectl deploy --enroll "
                    "{0}, and remove it\n",
                    options.out_file));
  } else if (!wanted.units) {
    console.print(
        "no unit was touched; next: systemctl enable --now sync-node@a sync-node@b (or restart them, where "
        "they run)\n");
  }
  if (wanted.task == Task::kEnroll) console.print(fmt::format("next: remove '{}'\n", options.enroll_file));
}

ExitCode carry_out(const DeployOptions& options, const deploy::HostFiles& files,
                   deploy::Deployment& deployment, DeployReport& report, Console& console) {
  UniqueFd lock;
  if (options.task != Task::kPrepare) {
    auto locked = files.prepare();
    if (!locked) return console.fail(locked.error(), options.as_json);
    lock = std::move(*locked);
  }
  auto found =
      deployment.finish([&](const deploy::Step& step, const std::string& said) { report.did(step, said); });
  if (!found) return console.fail(found.error(), options.as_json);
  const auto leader = see_leader(deployment);
  if (!leader) return console.fail(leader.error(), options.as_json);
  report.finish(deployment.wanted(), *found, workers_of(*found), *leader);
  if (*leader && !options.as_json) show_status(files, console);
  say_what_is_next(options, deployment.wanted(), console);
  return ExitCode::kOk;
}

ExitCode run(const DeployOptions& options, Console& console) {
  const deploy::HostFiles files(options.root);
  if (auto allowed = check_caller(options, files); !allowed)
    return console.fail(allowed.error(), options.as_json);
  auto request = settle_request(options, files, console);
  if (!request) return console.fail(request.error(), exit_code_of_request(request.error()), options.as_json);
  auto opened = deploy::open_first(request->ways, request->wanted.project, "sync-nodectl deploy");
  if (!opened) return console.fail(opened.error(), options.as_json);
  request->wanted.database = opened->url;
  const std::string way(to_string(opened->way()));
  DeployReport report(console, options.as_json);
  tell_about_ipv6(options, *opened, report);
  deploy::Deployment deployment(std::move(request->wanted), files, deploy::Programs(options.programs),
                                request->secret_path, std::move(opened->connection));
  auto found = deployment.look();
  if (!found) return console.fail(found.error(), options.as_json);
  const auto steps = deploy::plan(deployment.wanted(), *found);
  if (!steps) return console.fail(steps.error(), options.as_json);
  report.show_plan(deployment.wanted(), *found, *steps, way, options.dry_run);
  if (options.dry_run) {
    report.finish_dry_run();
    return ExitCode::kOk;
  }
  if (auto stop = confirm(options, deployment.wanted(), !steps->empty(), console)) return *stop;
  return carry_out(options, files, deployment, report, console);
}

void add_project_options(CLI::App& command, DeployOptions& options) {
  command.add_option("--project-ref", options.project_ref, "the Supabase project, REF of db.REF.supabase.co")
      ->type_name("REF");
  command.add_option("--region", options.region, "its region, as in REGION.pooler.supabase.com")
      ->type_name("REGION");
  command
      .add_option("--admin-password-file", options.password_file,
                  "file with the admin's password, mode 600; - reads standard input")
      ->type_name("FILE");
  add_admin_options(command, options.admin);
  command.add_flag("--rotate-password", options.rotate, "give the host's role a new password");
  command.add_flag("--adopt", options.adopt, "this host takes the place of the machine noted under its name");
  command.add_flag("--yes", options.yes, "do not ask");
  command.add_flag("--dry-run", options.dry_run, "only show what would be done");
  add_json_flag(command, options.as_json);
}

}  // namespace

void add_deploy(CLI::App& root, Invocation& invocation) {
  auto* deploy = root.add_subcommand("deploy", "Set this host up with its project; may be repeated");
  auto options = std::make_shared<DeployOptions>();
  add_project_options(*deploy, *options);
  deploy->add_option("--host-name", options->host_name, "this host's name in the project")->type_name("NAME");
  auto* enroll = deploy
                     ->add_option("--enroll", options->enroll_file,
                                  "use the file of deploy prepare, and no admin's credential")
                     ->type_name("FILE");
  for (const char* admins : {"--project-ref", "--region", "--admin-password-file", "--admin-url",
                             "--admin-url-file", "--host-name", "--rotate-password", "--adopt"}) {
    enroll->excludes(deploy->get_option(admins));
  }
  deploy->add_flag("--docker-ipv6", options->docker, "set up IPv6 in Docker too");
  deploy->add_flag("--cloud-metadata", options->cloud_metadata,
                   "ask the cloud's metadata service about IPv6");
  deploy->add_flag("--no-start", options->no_start, "touch no unit");
  deploy->add_option("--root", options->root, "write below DIR, for an image")->type_name("DIR");
  deploy->add_option("--programs", options->programs, "systemctl and docker-ipv6 of DIR, for tests")
      ->type_name("DIR");
  deploy->callback([deploy, &invocation, options] {
    if (!deploy->get_subcommands().empty()) return;  // it was `deploy prepare`
    options->task = options->enroll_file.empty() ? Task::kDeploy : Task::kEnroll;
    invocation.run = [options](Console& console) { return run(*options, console); };
  });

  auto* prepare = deploy->add_subcommand("prepare", "Prepare a host elsewhere, for deploy --enroll");
  auto other = std::make_shared<DeployOptions>();
  other->task = Task::kPrepare;
  prepare->add_option("--host", other->host_name, "the host's name in the project")
      ->type_name("NAME")
      ->required();
  prepare->add_option("--out", other->out_file, "write the host's credential here, mode 600")
      ->type_name("FILE")
      ->required();
  add_project_options(*prepare, *other);
  prepare->callback(
      [&invocation, other] { invocation.run = [other](Console& console) { return run(*other, console); }; });
}

}  // namespace syncnode::cli
