// Names in the copy: the source's own, unless PostgreSQL cannot hold it or we use it ourselves. A replaced
// name is stable: it depends on the source name alone. `_sync_tables` lists what is what (docs/FORMATS.md,
// "Names").
#pragma once

#include <string>
#include <string_view>

namespace syncnode::codec {

std::string target_table_name(std::string_view source_name);
std::string target_column_name(std::string_view source_name);

}  // namespace syncnode::codec
