// Verify: compares the copy, decoded, with what a snapshot held, by content. The caller has just shipped that
// snapshot and its memory holds the hash of every row's stored values. One thread.
#pragma once

#include "base/result.h"
#include "memory/memory.h"
#include "sync/copy_state.h"
#include "sync/run.h"

namespace syncnode::sync {

Result<std::vector<TableVerdict>> verify_tables(postgres::Connection& connection, const CopyTarget& target,
                                                memory::Memory& memory, int64_t generation,
                                                Progress& progress);

}  // namespace syncnode::sync
