// Reads what tables a snapshot has and by what their rows are known. Every object is either returned as a
// table or listed as skipped with the reason; one unreadable definition never hides another. Refuses to judge
// values.
#pragma once

#include <string>

#include "base/result.h"
#include "model/source_schema.h"
#include "sqlite/database.h"

namespace syncnode::sqlite {

// `database` is inside a read transaction. kCorruption and whatever reading the file may return.
Result<SourceSchema> read_schema(Database& database);

// The identity of one table from its indexes; `columns` and `without_rowid` are already there.
Status find_identity(Database& database, SourceTable& table);

// The virtual table whose module keeps its data in `table`, judged by the names every such module uses; ""
// when none. Serves modules this SQLite does not know (vec0) as well as those it does.
std::string shadow_owner(const std::string& table, const std::vector<std::string>& virtual_tables);

}  // namespace syncnode::sqlite
