#include "sync/copy_state.h"

#include <algorithm>

#include "json/json.h"
#include "postgres/fill.h"
#include "sql/queries.h"

namespace syncnode::sync {
namespace {

using postgres::Param;
using postgres::Rows;

Result<CopyTable> parse_table(const Rows& rows, int row) {
  CopyTable table;
  table.name = source_name_of(rows.text(row, 0));
  table.target = rows.text(row, 1);
  SN_ASSIGN(table.key_kind, parse_key_kind(rows.text(row, 2)));
  SN_ASSIGN(auto keys, json::parse(rows.text(row, 3)));
  for (const auto& key : keys) table.key_columns.push_back(source_name_of(key.get<std::string>()));
  SN_TRY(parse_columns_json(rows.text(row, 4), table));
  table.state = rows.text(row, 5);
  table.reason = rows.text(row, 6);
  table.next_column_id = static_cast<uint32_t>(rows.int64(row, 7));
  table.quarantined = rows.int64(row, 8);
  return table;
}

}  // namespace

const CopyTable* CopyState::table(std::string_view source_name) const {
  auto found =
      std::find_if(tables.begin(), tables.end(), [&](const auto& t) { return t.name == source_name; });
  return found == tables.end() ? nullptr : &*found;
}

Result<Deployment> find_deployment(postgres::Connection& connection, const std::string& client_name) {
  SN_ASSIGN(auto rows,
            connection.query(sql::run_client, {Param::text(client_name)}, deadline_in(kStatementWait)));
  if (rows.count() == 0) {
    return Error{ErrorCode::kNotFound, "no client '" + client_name + "' is registered for this cluster",
                 "see 'sync-nodectl client list', or 'sync-nodectl client register " + client_name +
                     " --sqlite-path FILE'"};
  }
  return Deployment{std::string(rows.text(0, 0)), client_name,
                    std::string(rows.text(0, 1)), std::string(rows.text(0, 2)),
                    std::string(rows.text(0, 3)), std::string(rows.text(0, 4))};
}

Result<CopyState> read_copy_state(postgres::Connection& connection, const CopyTarget& target) {
  CopyState state;
  std::string schema = target.quoted_schema();
  SN_ASSIGN(auto position_sql, postgres::fill(sql::copy_position, {{"schema", schema}}));
  SN_ASSIGN(auto position, connection.query(position_sql, {}, deadline_in(kStatementWait)));
  state.generation = position.int64(0, 0);
  state.sync_id = position.text(0, 1);
  state.source_schema = position.text(0, 2);
  SN_ASSIGN(auto tables_sql, postgres::fill(sql::copy_tables, {{"schema", schema}}));
  SN_ASSIGN(auto tables, connection.query(tables_sql, {}, deadline_in(kStatementWait)));
  for (int row = 0; row < tables.count(); ++row) {
    SN_ASSIGN(auto table, parse_table(tables, row));
    state.tables.push_back(std::move(table));
  }
  SN_ASSIGN(auto loads_sql, postgres::fill(sql::copy_loads, {{"schema", schema}}));
  SN_ASSIGN(auto loads, connection.query(loads_sql, {}, deadline_in(kStatementWait)));
  for (int row = 0; row < loads.count(); ++row) {
    state.loads.push_back({std::string(loads.text(row, 0)), source_name_of(loads.text(row, 1)),
                           std::string(loads.text(row, 2)), loads.int64(row, 3), loads.int64(row, 4),
                           loads.int64(row, 5), loads.boolean(row, 6)});
  }
  return state;
}

}  // namespace syncnode::sync
