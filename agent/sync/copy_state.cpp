#include "sync/copy_state.h"

#include <algorithm>

#include "json/json.h"
#include "postgres/fill.h"
#include "sql/queries.h"

namespace syncnode::sync {
namespace {

using json::Json;
using postgres::Param;

Error not_ours(const char* table) {
  return {ErrorCode::kCorruption, std::string("'") + table + "' holds what sync-node did not write",
          "restore the row; see docs/FORMATS.md"};
}

// The element of an array that must be one of its kind; what is not throws, and is read as corruption.
const std::string& text_at(const Json& array, size_t place) {
  return array.at(place).get_ref<const std::string&>();
}

Result<CopyTable> parse_table(const Json& row) {
  CopyTable table;
  table.name = source_name_of(text_at(row, 0));
  table.target = text_at(row, 1);
  SN_ASSIGN(table.key_kind, parse_key_kind(text_at(row, 2)));
  for (const auto& key : row.at(3))
    table.key_columns.push_back(source_name_of(key.get_ref<const std::string&>()));
  SN_TRY(parse_columns(row.at(4), table));
  table.state = text_at(row, 5);
  table.reason = text_at(row, 6);
  table.next_column_id = row.at(7).get<uint32_t>();
  table.quarantined = row.at(8).get<int64_t>();
  return table;
}

CopyLoad parse_load(const Json& row) {
  return {text_at(row, 0),          source_name_of(text_at(row, 1)), text_at(row, 2),
          row.at(3).get<int64_t>(), row.at(4).get<int64_t>(),        row.at(5).get<int64_t>(),
          row.at(6).get<bool>()};
}

Status parse_tables(std::string_view text, CopyState& state) {
  SN_ASSIGN(const auto rows, json::parse(text));
  try {
    for (const auto& row : rows) {
      SN_ASSIGN(auto table, parse_table(row));
      state.tables.push_back(std::move(table));
    }
  } catch (const Json::exception&) {
    return not_ours("_sync_tables");
  }
  return {};
}

Status parse_loads(std::string_view text, CopyState& state) {
  SN_ASSIGN(const auto rows, json::parse(text));
  try {
    for (const auto& row : rows) state.loads.push_back(parse_load(row));
  } catch (const Json::exception&) {
    return not_ours("_sync_loads");
  }
  return {};
}

}  // namespace

const CopyTable* CopyState::table(std::string_view source_name) const {
  auto found =
      std::find_if(tables.begin(), tables.end(), [&](const auto& t) { return t.name == source_name; });
  return found == tables.end() ? nullptr : &*found;
}

void ask_deployment(postgres::Script& script, const std::string& client_name) {
  script.add(sql::run_client, {Param::text(client_name)});
}

Result<Deployment> deployment_of(const postgres::Rows& rows, const std::string& client_name) {
  if (rows.count() == 0) {
    return Error{ErrorCode::kNotFound, "no client '" + client_name + "' is registered for this cluster",
                 "see 'sync-nodectl client list', or 'sync-nodectl client register " + client_name +
                     " --sqlite-path FILE'"};
  }
  return Deployment{std::string(rows.text(0, 0)), client_name,
                    std::string(rows.text(0, 1)), std::string(rows.text(0, 2)),
                    std::string(rows.text(0, 3)), std::string(rows.text(0, 4)),
                    std::string(rows.text(0, 5))};
}

Result<Deployment> find_deployment(postgres::Connection& connection, const std::string& client_name) {
  postgres::Script script;
  ask_deployment(script, client_name);
  SN_ASSIGN(auto rows, connection.simple(script.text(), deadline_in(kStatementWait)));
  return deployment_of(rows, client_name);
}

Status ask_copy_state(postgres::Script& script, const CopyTarget& target) {
  SN_ASSIGN(auto sql, postgres::fill(sql::copy_state, {{"schema", target.quoted_schema()}}));
  script.add(sql, {Param::text(target.deployment.client_name)});
  return {};
}

Result<CopyState> copy_state_of(const postgres::Rows& rows) {
  CopyState state;
  state.generation = rows.int64(0, 0);
  state.sync_id = rows.text(0, 1);
  state.source_schema = rows.text(0, 2);
  SN_TRY(parse_tables(rows.text(0, 3), state));
  SN_TRY(parse_loads(rows.text(0, 4), state));
  state.conflicts_waiting = rows.int64(0, 5);
  return state;
}

Result<CopyState> read_copy_state(postgres::Connection& connection, const CopyTarget& target) {
  postgres::Script script;
  SN_TRY(ask_copy_state(script, target));
  SN_ASSIGN(auto rows, connection.simple(script.text(), deadline_in(kStatementWait)));
  return copy_state_of(rows);
}

}  // namespace syncnode::sync
