#include "codec/target_type.h"

#include <array>

namespace syncnode::codec {
namespace {

struct TypeFacts {
  TargetType type;
  std::string_view sql_name;
  uint32_t array_oid;
};

constexpr std::array kFacts = {TypeFacts{TargetType::kBoolean, "boolean", 1000},
                               TypeFacts{TargetType::kBigint, "bigint", 1016},
                               TypeFacts{TargetType::kDouble, "double precision", 1022},
                               TypeFacts{TargetType::kNumeric, "numeric", 1231},
                               TypeFacts{TargetType::kText, "text", 1009},
                               TypeFacts{TargetType::kJson, "json", 199},
                               TypeFacts{TargetType::kBytea, "bytea", 1001}};

}  // namespace

std::string_view sql_name(TargetType type) {
  return kFacts[static_cast<size_t>(type)].sql_name;
}

std::optional<TargetType> target_type_of(std::string_view name) {
  for (const auto& facts : kFacts) {
    if (facts.sql_name == name) return facts.type;
  }
  return std::nullopt;
}

uint32_t array_oid(TargetType type) {
  return kFacts[static_cast<size_t>(type)].array_oid;
}

}  // namespace syncnode::codec
