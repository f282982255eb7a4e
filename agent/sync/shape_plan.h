// ShapePlan: what has to happen to one table of the copy so that it can hold what the source has now. Reads a
// sample of the stored values' classes; never sends anything. One thread, inside the snapshot.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/type_choice.h"
#include "json/json.h"
#include "sqlite/snapshot.h"
#include "sync/copy_state.h"

namespace syncnode::sync {

inline constexpr size_t kWidestRow =
    320;  // columns of a copy's row: one 8 KiB page must hold 24 bytes for each

enum class PlanAction {
  kMerge,  // the copy's table fits, after `operations`
  kLoad    // there is none, or its key or types no longer fit: load it anew and publish
};

struct ShapePlan {
  CopyTable copy;
  PlanAction action = PlanAction::kMerge;
  json::Json operations = json::Json::array();  // change_schema operations for kMerge
};

struct PlanOptions {
  bool encoded_keys = false;  // a key that fits no plain primary key was seen
  bool retype = false;        // too much is in quarantine: choose the types again from all values
  // Of a snapshot that has the table's first rows alone, the last of them.
  std::optional<int64_t> last_rowid = std::nullopt;
};

// `existing`: how the copy's table looks now; null when it has none.
Result<ShapePlan> plan_table(sqlite::Snapshot& snapshot, const SourceTable& table, const CopyTable* existing,
                             const PlanOptions& options);

// change_schema operations.
// Rows of the one are rows of the other: the same key, and the same types of the columns that both have.
bool same_row_shape(const CopyTable& one, const CopyTable& other);

json::Json create_load_operation(const CopyTable& table, const std::string& load_table);
json::Json primary_key_operation(const CopyTable& table, const std::string& load_table);
json::Json publish_operation(const CopyTable& table, const std::string& load_table);
json::Json named_operation(std::string_view operation, std::string_view table);

}  // namespace syncnode::sync
