#include "cli/registration.h"

#include <fmt/format.h>

#include "cli/database.h"
#include "cli/text.h"
#include "config/database_url.h"
#include "json/known.h"
#include "sql/queries.h"

namespace syncnode::cli {
namespace {

using postgres::Param;

constexpr int kDefaultInterval = 300;  // seconds

// A row of client_registered.sql.
struct Known {
  std::string client, cluster, container, database;
  int64_t interval = 0;
  std::string schema;
  bool deregistered = false, has_schema = false;
};

struct Standing {
  std::optional<Known> by_schema, by_container;
};

Result<Standing> look_up(postgres::Connection& connection, const ClusterChoice& cluster, const Wanted& wanted,
                         Deadline deadline) {
  const bool named = config::is_client_name(wanted.client);
  SN_ASSIGN(const auto rows,
            connection.query(sql::client_registered,
                             {Param::text(cluster.name), named ? Param::text(wanted.client) : Param::null(),
                              text_or_null(wanted.container)},
                             deadline));
  Standing standing;
  for (int row = 0; row < rows.count(); ++row) {
    Known known{std::string(rows.text(row, 0)),
                std::string(rows.text(row, 1)),
                std::string(rows.text(row, 2)),
                std::string(rows.text(row, 3)),
                rows.int64(row, 4),
                std::string(rows.text(row, 5)),
                rows.boolean(row, 6),
                rows.boolean(row, 7)};
    const bool has_container =
        !wanted.container.empty() && known.cluster == cluster.name && known.container == wanted.container;
    if (has_container) standing.by_container = known;
    if (known.has_schema) standing.by_schema = std::move(known);
  }
  return standing;
}

Error taken(const Known& known, const Wanted& wanted) {
  if (known.client == wanted.client) {
    return {ErrorCode::kFailedPrecondition,
            fmt::format("client '{}' belongs to cluster '{}'", known.client, known.cluster),
            "deregister it there with --drop-schema first, or choose another name"};
  }
  return {ErrorCode::kFailedPrecondition,
          fmt::format("schema '{}' belongs to client '{}' of cluster '{}'", known.schema, known.client,
                      known.cluster),
          "names that differ only in case or punctuation share a schema: choose another"};
}

// What has to change for it to be as wanted. A path that only leads to the wanted one is not as wanted.
void find_differences(const Known& known, Registration& registration) {
  const Wanted& wanted = registration.wanted;
  auto& changes = registration.changes;
  const bool moves = *wanted.database != known.database;
  if (moves)
    changes.push_back(fmt::format("database was {}", known.database.empty() ? "not known" : known.database));
  registration.loses_container = moves && wanted.container.empty() && !known.container.empty();
  if (registration.loses_container)
    changes.push_back(fmt::format("container was {}, which is not known to keep this file", known.container));
  if (!wanted.container.empty() && wanted.container != known.container)
    changes.push_back(
        fmt::format("container was {}", known.container.empty() ? "not known" : known.container));
  if (wanted.interval && *wanted.interval != known.interval)
    changes.push_back(known.interval == 0 ? "it was live" : fmt::format("interval was {} s", known.interval));
}

Registration refused(Wanted wanted, Error why) {
  Registration registration;
  registration.wanted = std::move(wanted);
  registration.action = Action::kRefuse;
  registration.refusal = std::move(why);
  return registration;
}

Result<std::string> schema_of(postgres::Connection& connection, const std::string& client,
                              Deadline deadline) {
  SN_ASSIGN(const auto rows, connection.query(sql::client_schema, {Param::text(client)}, deadline));
  return std::string(rows.text(0, 0));
}

Result<std::string> write(postgres::Connection& connection, const ClusterChoice& cluster,
                          const Registration& registration, Deadline deadline) {
  const Wanted& wanted = registration.wanted;
  const bool change = registration.action == Action::kChange;
  std::string interval = wanted.interval ? std::to_string(*wanted.interval) : "";
  if (interval.empty() && registration.action == Action::kRegister)
    interval = std::to_string(kDefaultInterval);
  std::vector<Param> params{Param::text(wanted.client),
                            registration.loses_container ? Param::text("") : text_or_null(wanted.container),
                            Param::text(*wanted.database), text_or_null(interval)};
  if (!change) params.insert(params.begin(), Param::text(cluster.name));
  SN_ASSIGN(const auto rows,
            connection.query(change ? sql::client_change : sql::client_register, params, deadline));
  if (rows.count() > 0) return std::string(rows.text(0, 0));
  return Error{ErrorCode::kAborted, fmt::format("client '{}' was deregistered meanwhile", wanted.client),
               "run the command again"};
}

const char* word_of(Action action) {
  switch (action) {
    case Action::kRegister:
      return "register";
    case Action::kRegisterAgain:
      return "register_again";
    case Action::kChange:
      return "change";
    case Action::kNothing:
      return "none";
    case Action::kRefuse:
      break;
  }
  return "refuse";
}

std::string reason_of(const Registration& registration) {
  if (registration.action == Action::kRefuse) return registration.refusal.message;
  return fmt::format("{}", fmt::join(registration.changes, ", "));
}

Table::Cell outcome_cell(const Registration& registration) {
  switch (registration.action) {
    case Action::kRegister:
      return {"register", Style::kGood};
    case Action::kRegisterAgain:
      return {"register again, its copy and history are there", Style::kGood};
    case Action::kChange:
      return {"change: " + printable(reason_of(registration)), Style::kWarning};
    case Action::kNothing:
      return {
          "nothing, " + (registration.changes.empty() ? "it is right" : printable(reason_of(registration))),
          Style::kFaint};
    case Action::kRefuse:
      break;
  }
  return {"refuse: " + printable(reason_of(registration)), Style::kBad};
}

}  // namespace

Result<ClusterChoice> find_cluster(postgres::Connection& connection, const std::string& name,
                                   const std::string& login, const config::Settings& settings,
                                   Deadline deadline) {
  SN_ASSIGN(const auto rows, connection.query(sql::cluster_login, {Param::text(name)}, deadline));
  if (rows.count() > 0) {
    ClusterChoice known{name, std::string(rows.text(0, 0)), false};
    if (login.empty() || login == known.login) return known;
    return Error{ErrorCode::kFailedPrecondition,
                 fmt::format("cluster '{}' belongs to login role '{}', not '{}'", name, known.login, login),
                 "leave --login out, or choose another cluster name"};
  }
  ClusterChoice fresh{name, login, true};
  if (fresh.login.empty() && !settings.database_url.empty()) {
    SN_ASSIGN(const auto url, config::parse_database_url(settings.database_url));
    fresh.login = url.login_role();
  }
  if (!fresh.login.empty()) return fresh;
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("cluster '{}' is new and its login role is not known", name),
               "set DATABASE_URL to the URL its nodes will use, or give --login ROLE (e.g. sync_service)"};
}

Result<Registration> plan_registration(postgres::Connection& connection, const ClusterChoice& cluster,
                                       Wanted wanted, Deadline deadline) {
  SN_ASSIGN(auto standing, look_up(connection, cluster, wanted, deadline));
  if (standing.by_container && standing.by_container->client != wanted.client) {
    if (!wanted.named_by_container) {
      Error theirs{ErrorCode::kFailedPrecondition,
                   fmt::format("container '{}' belongs to client '{}'", wanted.container,
                               standing.by_container->client),
                   "deregister that client first, or name another container"};
      return refused(std::move(wanted), std::move(theirs));
    }
    wanted.client = standing.by_container->client;
    standing.by_schema = standing.by_container;
  }
  if (!config::is_client_name(wanted.client)) {
    Error bad{ErrorCode::kInvalidArgument,
              fmt::format("'{}' is not 1 to 56 letters, digits, '_' and '-'", wanted.client),
              fmt::format("sync-nodectl client register NAME --container {}", wanted.container)};
    return refused(std::move(wanted), std::move(bad));
  }
  if (!wanted.database) {
    Error nowhere = wanted.database.error();
    return refused(std::move(wanted), std::move(nowhere));
  }
  Registration registration;
  registration.wanted = std::move(wanted);
  if (!standing.by_schema) {
    SN_ASSIGN(registration.schema, schema_of(connection, registration.wanted.client, deadline));
    return registration;
  }
  const Known& known = *standing.by_schema;
  if (known.client != registration.wanted.client || known.cluster != cluster.name)
    return refused(registration.wanted, taken(known, registration.wanted));
  registration.schema = known.schema;
  if (known.deregistered) {
    // Whoever ended it meant it; to bring it back it is named.
    const bool named = !registration.wanted.named_by_container;
    registration.action = named ? Action::kRegisterAgain : Action::kNothing;
    if (!named) registration.changes = {"it was deregistered"};
    return registration;
  }
  find_differences(known, registration);
  registration.action = registration.changes.empty() ? Action::kNothing : Action::kChange;
  return registration;
}

Status carry_out(postgres::Connection& connection, const ClusterChoice& cluster, Registration& registration,
                 Deadline deadline) {
  if (!has_work(registration)) return {};
  SN_ASSIGN(auto transaction, postgres::Transaction::begin(connection, {}, deadline));
  if (cluster.is_new) {
    SN_TRY(connection.query(sql::cluster_register, {Param::text(cluster.name), Param::text(cluster.login)},
                            deadline));
  }
  SN_ASSIGN(registration.schema, write(connection, cluster, registration, deadline));
  SN_TRY(transaction.commit(deadline));
  registration.done = true;
  return {};
}

bool has_work(const Registration& registration) {
  return registration.action != Action::kNothing && registration.action != Action::kRefuse;
}

std::string plan_page(const std::vector<Registration>& plan, const Look& look) {
  Table table({{"CONTAINER"}, {"CLIENT"}, {"DATABASE"}, {"WHAT HAPPENS"}});
  for (const auto& one : plan) {
    const bool found = one.wanted.database.has_value();
    table.add(
        {one.wanted.container.empty() ? Table::Cell("–", Style::kFaint) : printable(one.wanted.container),
         printable(one.wanted.client),
         found ? Table::Cell(printable(*one.wanted.database)) : Table::Cell("–", Style::kFaint),
         outcome_cell(one)});
  }
  return table.render(look);
}

json::Json plan_document(const Registration& registration) {
  json::Json document;
  document["client_name"] = registration.wanted.client;
  document["container_name"] = json::known(registration.wanted.container);
  document["sqlite_path"] =
      registration.wanted.database ? json::Json(*registration.wanted.database) : json::Json(nullptr);
  document["schema_name"] = json::known(registration.schema);
  document["action"] = word_of(registration.action);
  document["reason"] = json::known(reason_of(registration));
  document["done"] = registration.done;
  return document;
}

}  // namespace syncnode::cli
