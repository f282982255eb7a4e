#include "postgres/schema_migrator.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/queries.h"

namespace syncnode::postgres {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// An applier may wait for another one, and for a sync under way to let go of the tables it alters.
constexpr TransactionOptions kMigration{
    .statement_timeout = minutes(10), .lock_timeout = minutes(1), .idle_timeout = seconds(30)};
constexpr uint32_t kBytea = 17;

int newest_known(std::span<const sql::Migration> migrations) {
  int newest = 0;
  for (const sql::Migration& migration : migrations) newest = std::max(newest, migration.number);
  return newest;
}

Error too_new(int there, int known) {
  return {ErrorCode::kFailedPrecondition,
          fmt::format("the database has schema {}, this program knows only up to {}", there, known),
          "install the newer sync-node"};
}

Status preflight(Connection& connection, Deadline deadline) {
  SN_ASSIGN(const Rows role, connection.query(sql::schema_preflight, {}, deadline));
  const std::string_view name = role.text(0, 0);
  if (!role.boolean(0, 1)) {
    return Error{ErrorCode::kPermissionDenied, fmt::format("role '{}' may not create roles", name),
                 "apply the schema with the project's admin URL (Supabase: 'postgres')"};
  }
  if (!role.boolean(0, 2)) {
    return Error{ErrorCode::kPermissionDenied,
                 fmt::format("role '{}' may not create schemas in this database", name),
                 "apply the schema as the owner of the database"};
  }
  return {};
}

// Whether it is applied; an error when it was another text then.
Result<bool> is_applied(Connection& connection, const sql::Migration& migration, Deadline deadline) {
  const std::string number = std::to_string(migration.number);
  SN_ASSIGN(const Rows found,
            connection.query(sql::migration_find,
                             {Param::text(number), Param::binary_of(kBytea, migration.text)}, deadline));
  if (found.count() == 0) return false;
  if (found.boolean(0, 1)) return true;
  return Error{
      ErrorCode::kFailedPrecondition,
      fmt::format("migration '{}' was applied as '{}' with another text", migration.name, found.text(0, 0)),
      "the database was made by another build; an applied migration is never edited"};
}

Result<bool> apply_one(Connection& connection, const sql::Migration& migration, int known,
                       Deadline deadline) {
  SN_ASSIGN(Transaction transaction, Transaction::begin(connection, kMigration, deadline));
  SN_ASSIGN(const Rows locked, connection.query(sql::schema_lock, {}, deadline));
  SN_ASSIGN(const int there, schema_version(connection, deadline));
  if (there > known) return too_new(there, known);
  if (there > 0) {
    SN_ASSIGN(const bool applied, is_applied(connection, migration, deadline));
    if (applied) return false;
  }
  SN_ASSIGN(const Rows done, connection.simple(migration.text, deadline));
  const std::string number = std::to_string(migration.number);
  SN_ASSIGN(const Rows recorded, connection.query(sql::migration_record,
                                                  {Param::text(number), Param::text(migration.name),
                                                   Param::binary_of(kBytea, migration.text)},
                                                  deadline));
  SN_TRY(transaction.commit(deadline));
  return true;
}

}  // namespace

Result<std::vector<MigrationOutcome>> apply_migrations(Connection& connection,
                                                       std::span<const sql::Migration> migrations,
                                                       Deadline deadline) {
  SN_TRY(preflight(connection, deadline));
  const int known = newest_known(migrations);
  std::vector<MigrationOutcome> outcomes;
  for (const sql::Migration& migration : migrations) {
    auto applied = apply_one(connection, migration, known, deadline);
    if (!applied)
      return std::move(applied).error().with_context(fmt::format("migration '{}'", migration.name));
    outcomes.push_back({migration.number, migration.name, *applied});
  }
  return outcomes;
}

Result<int> schema_version(Connection& connection, Deadline deadline) {
  SN_ASSIGN(const Rows role, connection.query(sql::schema_preflight, {}, deadline));
  if (!role.boolean(0, 3)) return 0;
  SN_ASSIGN(const Rows newest, connection.query(sql::migration_newest, {}, deadline));
  return static_cast<int>(newest.int64(0, 0));
}

Status require_schema(Connection& connection, std::span<const sql::Migration> migrations, Deadline deadline) {
  const int known = newest_known(migrations);
  SN_ASSIGN(const int there, schema_version(connection, deadline));
  if (there > known) return too_new(there, known);
  if (there == known) return {};
  return Error{ErrorCode::kFailedPrecondition,
               there == 0 ? std::string("the database has no sync-node schema")
                          : fmt::format("the database has schema {}, this program needs {}", there, known),
               "run 'sync-nodectl schema apply' with the admin URL"};
}

}  // namespace syncnode::postgres
