// The views of running nodes as documents of `--json` (docs/sync-nodectl.schema.json). Unknown is null, never
// 0 or "". Pure.
#pragma once

#include "cli/situation.h"
#include "json/json.h"

namespace syncnode::cli {

json::Json status_document(const Situation& situation);
json::Json leader_document(const control::LeadershipView& leadership);
json::Json job_document(const control::JobView& job);  // the schema's "node_job", without a version

// Of a sync that a node did: the schema's "sync". What only the run itself knows is null.
json::Json sync_document(const control::JobView& job);

}  // namespace syncnode::cli
