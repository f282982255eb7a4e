// Recheck: makes the local memory describe the copy again when it was lost, is stale, newer, or of a fenced
// node. Both sides compute digests; bytes moved follow the differences, not the size. Nothing is written to
// the copy, and the next diff ships only what really differs.
#pragma once

#include "base/result.h"
#include "memory/memory.h"
#include "sync/copy_state.h"

namespace syncnode::sync {

struct SyncContext;

// On success memory.sync_id() == state.sync_id.
Status recheck(SyncContext& context, memory::Memory& memory, const CopyState& state);

}  // namespace syncnode::sync
