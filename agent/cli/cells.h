// Cells of tables from members of JSON documents; "–" stands for what is unknown, which is never shown as 0.
// Pure.
#pragma once

#include <string>
#include <string_view>

#include "cli/table.h"
#include "json/json.h"

namespace syncnode::cli {

Table::Cell text_cell(const json::Json& document, std::string_view member);
Table::Cell count_cell(const json::Json& document, std::string_view member);
Table::Cell age_cell(const json::Json& document, std::string_view member);       // seconds
Table::Cell duration_cell(const json::Json& document, std::string_view member);  // seconds
Table::Cell status_cell(const json::Json& document, std::string_view member);    // coloured by its word

// A count that is bad news unless it is 0.
Table::Cell trouble_cell(const json::Json& document, std::string_view member);

}  // namespace syncnode::cli
