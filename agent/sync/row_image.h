// Row images: a row of the copy as `_sync_edits` keeps it, an object column → text of the value
// (sql/09-conflicts.sql), so that every value comes back through its type's own input, byte for byte. Here:
// the SQL that makes and reads them, and their typed form, in which conflicts are decided and shown. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conflict/row_merge.h"
#include "json/json.h"
#include "sync/copy_shape.h"

namespace syncnode::sync {

// Of the row `t`, over the columns that are shipped: its image, its row key (bytea), and whether it is there.
std::string image_sql(const CopyTable& table);
std::string row_key_sql(const CopyTable& table);
std::string present_sql(const CopyTable& table);
// The row `t` is the one whose image `i.image` is.
std::string match_sql(const CopyTable& table);
// The values of an image `i.image` in the order of quoted_columns().
std::string values_sql(const CopyTable& table);

// The same row? Columns that one of them does not know yet are NULL there.
bool same_row(const std::optional<json::Json>& one, const std::optional<json::Json>& other);

// Numbers as numbers, booleans as booleans, JSON as what it says; everything else as its text.
json::Json typed_row(const json::Json& image, const CopyTable& table);
std::optional<json::Json> typed_row(const std::optional<json::Json>& image, const CopyTable& table);

// The image of a row that was put together of two others. A column that came whole from one of them takes
// its text from there, so that nothing but what was merged is written anew.
json::Json image_of(const json::Json& merged, const std::vector<conflict::MergedColumn>& origins,
                    const json::Json& source, const json::Json& target, const CopyTable& table);

// The row for people: the value of its only key column, else its key columns as JSON, else the row key.
std::string record_id(const json::Json& image, const std::string& key, const CopyTable& table);

}  // namespace syncnode::sync
