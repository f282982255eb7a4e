#include "cli/deploy_report.h"

#include <fmt/format.h>

#include "cli/text.h"

namespace syncnode::cli {
namespace {

// docs/DESIGN.md, "Connections": a leader's lease, lister and control, and its workers; a standby's one.
constexpr int kOfLeader = 3, kOfStandby = 1;
constexpr int kOfPooler = 15;  // Supabase's session pooler, per role and database, about

json::Json or_null(const std::string& text) {
  return text.empty() ? json::Json() : json::Json(text);
}

}  // namespace

void DeployReport::warn(const std::string& text) {
  warnings_.push_back(text);
  if (!as_json_)
    console_.note(
        fmt::format("{} {}\n", painted(Style::kWarning, "warning:", console_.err()), printable(text)));
}

void DeployReport::show_plan(const deploy::Wanted& wanted, const deploy::Found& found,
                             const std::vector<deploy::Step>& steps, std::string_view way, bool dry_run) {
  const std::string url = config::masked_url(wanted.database);
  const std::string& login = found.host.login;
  document_["version"] = 1;
  document_["dry_run"] = dry_run;
  document_["host_name"] = wanted.host_name;
  document_["project_ref"] = wanted.project.ref;
  document_["connection"] = std::string(way);
  document_["url"] = url;
  document_["login_role"] = or_null(login);
  if (dry_run) {
    for (const auto& step : steps) {
      steps_.push_back({{"step", std::string(to_string(step.action))}, {"what", step.what}, {"done", false}});
    }
  }
  if (as_json_) return;
  console_.print(fmt::format("host '{}' at {}{}\n", wanted.host_name, printable(url),
                             login.empty() ? "" : fmt::format(", login role '{}'", printable(login))));
  if (steps.empty()) console_.print("nothing is to be done: all is as it should be\n");
  Table table({{"STEP"}, {"WHAT"}});
  for (const auto& step : steps) table.add({std::string(to_string(step.action)), printable(step.what)});
  console_.print(table.render(console_.out()));
}

void DeployReport::did(const deploy::Step& step, const std::string& said) {
  steps_.push_back({{"step", std::string(to_string(step.action))}, {"what", step.what}, {"done", true}});
  if (as_json_) return;
  console_.print(
      fmt::format("{} {}\n", painted(Style::kGood, "done:", console_.out()), printable(step.what)));
  if (!said.empty()) console_.print(said + "\n");
}

void DeployReport::finish(const deploy::Wanted& wanted, const deploy::Found& found, int workers,
                          const std::optional<deploy::Leader>& leader) {
  const int per_host = kOfLeader + workers + kOfStandby;
  const int64_t hosts = found.host.clusters, total = hosts * per_host;
  if (hosts > 0) {
    document_["connections"] = {{"hosts", hosts},
                                {"per_host", per_host},
                                {"total", total},
                                {"server_max", found.host.max_connections}};
    if (total > found.host.max_connections * 9 / 10)
      warn(fmt::format("the hosts of this project may use {} connections, the server allows {} in all", total,
                       found.host.max_connections));
    if (per_host > kOfPooler && wanted.database.through_supabase_pooler())
      warn(fmt::format(
          "this host may use {} connections, Supabase's pooler allows about {} per role: lower SYNC_WORKERS",
          per_host, kOfPooler));
  } else {
    document_["connections"] = nullptr;
  }
  document_["login_role"] = or_null(found.host.login);
  document_["leader_id"] = leader ? json::Json(leader->id) : json::Json();
  document_["epoch"] = leader ? json::Json(leader->epoch) : json::Json();
  document_["steps"] = std::move(steps_);
  document_["warnings"] = std::move(warnings_);
  if (as_json_) return console_.print_document(document_);
  if (hosts > 0) {
    console_.print(
        fmt::format("connections: {} host{} of this project, at most {} each (leader {} and {} workers, "
                    "standby {}): {} of the "
                    "server's {}\n",
                    hosts, hosts == 1 ? "" : "s", per_host, kOfLeader, workers, kOfStandby, total,
                    found.host.max_connections));
  }
  if (leader)
    console_.print(
        fmt::format("{} leads '{}', epoch {}\n", printable(leader->id), wanted.host_name, leader->epoch));
}

void DeployReport::finish_dry_run() {
  document_["connections"] = nullptr;
  document_["leader_id"] = nullptr;
  document_["epoch"] = nullptr;
  document_["steps"] = std::move(steps_);
  document_["warnings"] = std::move(warnings_);
  if (as_json_) return console_.print_document(document_);
  console_.print("dry run: nothing was changed\n");
}

}  // namespace syncnode::cli
