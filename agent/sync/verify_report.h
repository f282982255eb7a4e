// A verify's report as JSON: what `sync-nodectl verify --json` shows, and what a verify job keeps in
// sync_jobs.report. Bounded, since it travels over HTTP and D-Bus (sync/verify.cpp bounds the names). Pure.
#pragma once

#include <string>

#include "json/json.h"
#include "sync/run.h"

namespace syncnode::sync {

json::Json to_json(const VerifyReport& report);
Result<VerifyReport> read_verify_report(const std::string& text);  // kCorruption when it is none

// kResourceExhausted when it is larger than a job keeps.
Result<std::string> report_text(const VerifyReport& report);

// "the copy differs from the source: 3 rows in 1 of 5 tables", with what to do about it.
Error difference(const std::string& client, const VerifyReport& report);

json::Json skipped_list(const std::vector<SkippedTable>& skipped);

}  // namespace syncnode::sync
