// A run's and a verification's result as a page for people and as a JSON document
// (docs/sync-nodectl.schema.json). Pure.
#pragma once

#include <string>

#include "cli/table.h"
#include "json/json.h"
#include "sync/run.h"

namespace syncnode::cli {

std::string sync_page(const std::string& client, const sync::RunReport& report, const Look& look);
json::Json sync_document(const std::string& client, const sync::RunReport& report);

std::string verify_page(const std::string& client, const sync::VerifyReport& report, const Look& look);
json::Json verify_document(const std::string& client, const sync::VerifyReport& report);

}  // namespace syncnode::cli
