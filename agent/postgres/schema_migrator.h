// Applies sql/NN-*.sql, forward only, each in one transaction under one lock, and tells what it did. Refuses
// a database it does not understand: one with a newer migration, or with an applied one whose text has
// changed since.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "postgres/connection.h"
#include "sql/migrations.h"

namespace syncnode::postgres {

struct MigrationOutcome {
  int number = 0;
  std::string name;      // file stem, "01-init-sync-schema"
  bool applied = false;  // false: it was there already
};

// As the admin (NOSUPERUSER CREATEROLE). On failure the migrations before the failed one stay applied.
Result<std::vector<MigrationOutcome>> apply_migrations(Connection& connection,
                                                       std::span<const sql::Migration> migrations,
                                                       Deadline deadline);

// The newest applied migration, 0 for none. Readable by agents.
Result<int> schema_version(Connection& connection, Deadline deadline);

// For agents at start: kFailedPrecondition unless the schema is exactly as new as this program.
Status require_schema(Connection& connection, std::span<const sql::Migration> migrations, Deadline deadline);

}  // namespace syncnode::postgres
