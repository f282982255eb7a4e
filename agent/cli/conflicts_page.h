// Conflicts for people and as documents. Values come from clients' databases: nothing a terminal would obey
// gets through. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/table.h"
#include "control/conflict_detail.h"
#include "json/json.h"

namespace syncnode::cli {

std::string conflicts_page(const std::vector<control::ConflictView>& conflicts, const Look& look);
// What differs, field by field, and how to decide.
std::string conflict_page(const control::ConflictDetail& detail, const Look& look);
json::Json conflict_document(const control::ConflictView& conflict);  // without its rows
json::Json detail_document(const control::ConflictDetail& detail);

}  // namespace syncnode::cli
