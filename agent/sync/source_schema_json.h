// The source's own DDL and file settings as JSON, kept in `_sync_state.source_schema` so that an exact file
// can be rebuilt later. Pure.
#pragma once

#include <string>

#include "model/source_schema.h"

namespace syncnode::sync {

std::string source_schema_json(const SourceSchema& schema);

}  // namespace syncnode::sync
