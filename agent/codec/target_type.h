// TargetType: the PostgreSQL types a client's column may have. Each maps back to exactly one SQLite storage
// class per value (docs/FORMATS.md, "Types"); what does not map back goes to quarantine.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace syncnode::codec {

enum class TargetType : uint8_t { kBoolean, kBigint, kDouble, kNumeric, kText, kJson, kBytea };

std::string_view sql_name(TargetType type);                           // "double precision"
std::optional<TargetType> target_type_of(std::string_view sql_name);  // the inverse
uint32_t array_oid(TargetType type);                                  // pg_type.dat, e.g. 1016 for bigint[]

}  // namespace syncnode::codec
