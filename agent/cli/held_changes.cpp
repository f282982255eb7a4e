#include "cli/held_changes.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/cells.h"
#include "cli/database.h"
#include "cli/text.h"
#include "sql/queries.h"

namespace syncnode::cli {

Result<std::vector<json::Json>> held_changes(postgres::Connection& connection, const std::string& client,
                                             const std::string& table, Deadline deadline) {
  SN_ASSIGN(auto changes, documents(connection, sql::held_list, {text_or_null(client)}, deadline));
  if (!table.empty()) {
    std::erase_if(changes,
                  [&](const json::Json& one) { return json::string_member(one, "table_name") != table; });
  }
  return changes;
}

std::vector<json::Json> waiting(const std::vector<json::Json>& changes) {
  std::vector<json::Json> open;
  std::copy_if(changes.begin(), changes.end(), std::back_inserter(open),
               [](const json::Json& one) { return json::string_member(one, "status") == "waiting"; });
  return open;
}

std::string held_page(const std::vector<json::Json>& changes, const Look& look) {
  Table table({{"CLIENT"},
               {"TABLE"},
               {"STATUS"},
               {"WHAT"},
               {"ROWS HELD", Table::Align::kRight},
               {"OF", Table::Align::kRight},
               {"SINCE"},
               {"DECIDED BY"}});
  for (const auto& one : changes) {
    bool vanished = json::string_member(one, "kind") == "vanished_table";
    table.add({text_cell(one, "client_name"),
               text_cell(one, "table_name"),
               status_cell(one, "status"),
               {vanished ? "table is gone" : "mass delete"},
               count_cell(one, "rows_held"),
               count_cell(one, "rows_total"),
               age_cell(one, "first_seen_age_seconds"),
               text_cell(one, "decided_by")});
  }
  return table.render(look);
}

}  // namespace syncnode::cli
