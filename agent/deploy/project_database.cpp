#include "deploy/project_database.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/pause.h"
#include "sql/migrations.h"
#include "sql/queries.h"

namespace syncnode::deploy {
namespace {

using postgres::Param;

constexpr std::chrono::seconds kPatience{30};
constexpr std::chrono::milliseconds kBetweenLooks{200};
constexpr int kKnowsMachines = 10;  // sql/10-hosts.sql

Machine machine_named(std::string_view word) {
  return word == "ours" ? Machine::kOurs : word == "other" ? Machine::kOther : Machine::kNone;
}

Param text_or_null(const std::string& text) {
  return text.empty() ? Param::null() : Param::text(text);
}

// One statement that changes something, with the timeouts of a transaction.
Status change(postgres::Connection& connection, const char* sql, const std::vector<Param>& parameters) {
  const Deadline deadline = deadline_in(kPatience);
  SN_ASSIGN(auto transaction, postgres::Transaction::begin(connection, {}, deadline));
  SN_TRY(connection.query(sql, parameters, deadline));
  return transaction.commit(deadline);
}

}  // namespace

int newest_schema() {
  int newest = 0;
  for (const auto& migration : sql::kMigrations) newest = std::max(newest, migration.number);
  return newest;
}

Result<HostFacts> host_facts(postgres::Connection& admin, int schema, const std::string& cluster,
                             const std::string& machine) {
  const bool knows_machines = schema >= kKnowsMachines;
  std::vector<Param> parameters{Param::text(cluster)};
  if (knows_machines) parameters.push_back(text_or_null(machine));
  SN_ASSIGN(const auto rows, admin.query(knows_machines ? sql::host_facts : sql::host_facts_before,
                                         parameters, deadline_in(kPatience)));
  HostFacts facts;
  facts.login = rows.text(0, 0);
  facts.registered = rows.boolean(0, 1);
  facts.machine = machine_named(rows.text(0, 2));
  facts.other_cluster = rows.text(0, 3);
  facts.leader = rows.text(0, 4);
  facts.clusters = rows.int64(0, 5);
  facts.max_connections = rows.int64(0, 6);
  return facts;
}

Status prepare_host(postgres::Connection& admin, const std::string& cluster, const std::string& machine,
                    bool adopt) {
  return change(admin, sql::host_prepare,
                {Param::text(cluster), text_or_null(machine), Param::text(adopt ? "true" : "false")});
}

Status set_password(postgres::Connection& admin, const std::string& cluster, const std::string& login,
                    const std::string& password) {
  SN_ASSIGN(const auto verifier, admin.password_verifier(login, password));
  const std::vector<Param> parameters{Param::text(cluster), Param::text(verifier)};
  SN_TRY(change(admin, sql::host_set_password, parameters));
  // Until that commit logins got in with the password of before; the second time is noted as the one that
  // counts.
  return change(admin, sql::host_set_password, parameters);
}

Result<HostFacts> own_facts(postgres::Connection& host, const std::string& login, const std::string& cluster,
                            const std::string& machine) {
  SN_ASSIGN(const auto rows, host.query(sql::host_own_facts, {Param::text(machine)}, deadline_in(kPatience)));
  if (rows.text(0, 0) != cluster) {
    return Error{ErrorCode::kFailedPrecondition,
                 rows.is_null(0, 0)
                     ? fmt::format("role '{}' is no host's any more", login)
                     : fmt::format("role '{}' is host '{}', not '{}'", login, rows.text(0, 0), cluster),
                 "prepare the host again: sync-nodectl deploy prepare"};
  }
  HostFacts facts;
  facts.login = login;
  facts.registered = true;
  facts.machine = machine_named(rows.text(0, 1));
  facts.leader = rows.text(0, 2);
  return facts;
}

Status enroll(postgres::Connection& host, const std::string& machine) {
  return change(host, sql::host_enroll, {Param::text(machine)});
}

Result<int64_t> former_sessions(postgres::Connection& host) {
  SN_ASSIGN(const auto rows, host.query(sql::host_former_sessions, {}, deadline_in(kPatience)));
  return rows.int64(0, 0);
}

Status end_former_sessions(postgres::Connection& host) {
  return change(host, sql::host_end_former_sessions, {});
}

Status end_lease(postgres::Connection& host) {
  return change(host, sql::host_end_lease, {});
}

Result<std::optional<Leader>> leader_of(postgres::Connection& connection, const std::string& cluster) {
  SN_ASSIGN(const auto rows,
            connection.query(sql::host_leader, {Param::text(cluster)}, deadline_in(kPatience)));
  if (rows.count() == 0) return std::optional<Leader>();
  return std::optional(Leader{std::string(rows.text(0, 0)), rows.int64(0, 1)});
}

Result<Leader> wait_for_leader(postgres::Connection& connection, const std::string& cluster,
                               Deadline deadline) {
  while (true) {
    SN_ASSIGN(auto leader, leader_of(connection, cluster));
    if (leader) return std::move(*leader);
    if (BootClock::now() > deadline) break;
    pause(kBetweenLooks, {});
  }
  return Error{ErrorCode::kDeadlineExceeded, fmt::format("no node of '{}' leads yet", cluster),
               "journalctl -u 'sync-node@*' -n 50 shows why; sync-nodectl status"};
}

}  // namespace syncnode::deploy
