// Open edits: rows of the copy that differ from the source on purpose, because somebody else changed them and
// nobody has decided yet, or because it was decided so. Reading only. Inside the caller's transaction; one
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "postgres/connection.h"
#include "sync/array_param.h"
#include "sync/copy_state.h"

namespace syncnode::sync {

struct OpenEdit {
  std::string key;        // row key
  int64_t last_edit = 0;  // the newest edit this is about
  // Images (row_image.h); nothing: there is no such row on that side.
  std::optional<json::Json> shipped;  // what the source had when it was shipped last
  std::optional<json::Json> base;     // the same, but while a conflict waits what both sides had before it
  std::optional<json::Json> target;   // what the row became
  std::optional<json::Json> now;      // what stands in the table
  std::string editors;                // "" when only decisions of ours are open
  std::string conflict_id;            // of one that waits, ""
};

// At most `limit` rows with open edits after the key `after`, in the order of their keys: among `keys`, or
// all of the table.
Result<std::vector<OpenEdit>> read_open_edits(postgres::Connection& connection, const CopyTarget& target,
                                              const CopyTable& table, ArrayParam* keys,
                                              std::string_view after, int64_t limit);

// The same of a table whose key or types are others now: `now` is not looked for, `shipped` is `base`.
Result<std::vector<OpenEdit>> read_orphaned_edits(postgres::Connection& connection, const CopyTarget& target,
                                                  const CopyTable& table, std::string_view after,
                                                  int64_t limit);

// How many rows of a table differ on purpose, and why.
struct EditedRows {
  int64_t rows = 0;         // all of them
  int64_t target_kept = 0;  // the copy's version was chosen
  int64_t merged = 0;
  int64_t waiting = 0;  // for a person
};
// By source name; tables without such rows are not listed.
Result<std::map<std::string, EditedRows>> read_edited_tables(postgres::Connection& connection,
                                                             const CopyTarget& target);

// What was shipped, as a relation to select from: the table, and where rows were edited in place of each what
// it was before. Comparing the source with this compares it with what the agent wrote.
std::string shipped_rows(const CopyTarget& target, const CopyTable& table, bool edited);

}  // namespace syncnode::sync
