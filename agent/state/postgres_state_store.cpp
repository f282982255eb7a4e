#include "state/postgres_state_store.h"

#include <optional>

#include "postgres/fence.h"
#include "postgres/fill.h"
#include "sql/queries.h"
#include "state/deployment_value.h"
#include "state/state_key.h"

namespace syncnode::state {
namespace {

using postgres::Connection;
using postgres::Param;
using postgres::Rows;
using postgres::Transaction;
using std::chrono::milliseconds;

constexpr postgres::TransactionOptions kShort{.statement_timeout = milliseconds(5000),
                                              .lock_timeout = milliseconds(2000),
                                              .idle_timeout = milliseconds(5000)};

StateRecord record_of(const Rows& row) {
  return {std::string(row.text(0, 0)), row.int64(0, 1), std::string(row.text(0, 2))};
}

std::optional<std::string> as_text(const std::optional<int64_t>& number) {
  if (!number) return std::nullopt;
  return std::to_string(*number);
}

Param maybe(const std::optional<std::string>& text) {
  return text ? Param::text(*text) : Param::null();
}

// kAborted means "another version" to our callers; a deadlock only means "once more".
Error not_a_version_conflict(Error error) {
  if (error.code == ErrorCode::kAborted) error.code = ErrorCode::kUnavailable;
  return error;
}

}  // namespace

PostgresStateStore::PostgresStateStore(ConnectionSource connection, std::string cluster_name)
    : connection_(std::move(connection)), cluster_name_(std::move(cluster_name)) {}

Result<StateRecord> PostgresStateStore::get(const std::string& key, Deadline deadline) {
  SN_ASSIGN(Connection * connection, connection_(deadline));
  return read(*connection, key, false, deadline);
}

Result<StateRecord> PostgresStateStore::read(Connection& connection, const std::string& key, bool for_update,
                                             Deadline deadline) {
  std::string sql = sql::state_get;
  std::string_view name = key;
  if (const auto client = deployment_client(key)) {
    name = *client;
    SN_ASSIGN(sql, postgres::fill(sql::state_deployment_get,
                                  {{"lock", for_update ? "FOR NO KEY UPDATE OF d" : ""}}));
  }
  SN_ASSIGN(const Rows row, connection.query(sql, {Param::text(cluster_name_), Param::text(name)}, deadline));
  if (row.count() == 0) return not_found(key);
  return record_of(row);
}

Result<StateRecord> PostgresStateStore::put(const Term& term, const StatePut& put, Deadline deadline) {
  SN_ASSIGN(Connection * connection, connection_(deadline));
  SN_ASSIGN(Transaction transaction, Transaction::begin(*connection, kShort, deadline));
  SN_ASSIGN(StateRecord written, write(*connection, put, deadline));
  SN_TRY(postgres::fence(*connection, term, deadline));
  Status committed = transaction.commit(deadline);
  if (!committed) return not_a_version_conflict(std::move(committed).error());
  return written;
}

Result<StateRecord> PostgresStateStore::write(Connection& connection, const StatePut& put,
                                              Deadline deadline) {
  return deployment_client(put.key) ? write_deployment(connection, put, deadline)
                                    : write_value(connection, put, deadline);
}

Result<StateRecord> PostgresStateStore::write_value(Connection& connection, const StatePut& put,
                                                    Deadline deadline) {
  const std::optional<std::string> wanted = as_text(put.if_version);
  auto row = connection.query(sql::state_put,
                              {Param::text(cluster_name_), Param::text(put.key), Param::text(put.value),
                               Param::text(put.updated_by), maybe(wanted)},
                              deadline);
  if (!row) return not_a_version_conflict(std::move(row).error());
  if (row->count() == 1) {
    return StateRecord{put.value, row->int64(0, 0), std::string(row->text(0, 1))};
  }
  auto stored = read(connection, put.key, false, deadline);
  if (!stored && stored.error().code != ErrorCode::kNotFound) return std::move(stored).error();
  return version_differs(put.key, stored ? stored->version : 0, put.if_version.value_or(0));
}

Result<StateRecord> PostgresStateStore::write_deployment(Connection& connection, const StatePut& put,
                                                         Deadline deadline) {
  auto current = read(connection, put.key, true, deadline);
  if (!current) return not_a_version_conflict(std::move(current).error());
  if (put.if_version && *put.if_version != current->version) {
    return version_differs(put.key, current->version, *put.if_version);
  }
  SN_ASSIGN(const DeploymentChange change, deployment_change(put.key, current->value, put.value));
  if (change.empty()) return std::move(*current);
  const std::optional<std::string> interval = as_text(change.sync_interval);
  const std::string_view enabled = change.sync_enabled.value_or(false) ? "true" : "false";
  SN_ASSIGN(const Rows done,
            connection.query(sql::state_deployment_put,
                             {Param::text(cluster_name_), Param::text(*deployment_client(put.key)),
                              change.sync_enabled ? Param::text(enabled) : Param::null(), maybe(interval),
                              maybe(change.status)},
                             deadline));
  return read(connection, put.key, false, deadline);
}

}  // namespace syncnode::state
