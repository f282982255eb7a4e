// The changes the mass-delete brake holds back, as `held list|release|reject` read and show them. Main thread
// only.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "cli/table.h"
#include "json/json.h"
#include "postgres/connection.h"

namespace syncnode::cli {

// Documents of docs/sync-nodectl.schema.json, "held_change". `client` and `table` may be "" for all.
Result<std::vector<json::Json>> held_changes(postgres::Connection& connection, const std::string& client,
                                             const std::string& table, Deadline deadline);
std::vector<json::Json> waiting(const std::vector<json::Json>& changes);
std::string held_page(const std::vector<json::Json>& changes, const Look& look);

}  // namespace syncnode::cli
