#include "model/value.h"

#include <bit>

namespace syncnode {

std::string_view to_string(StorageClass storage_class) {
  switch (storage_class) {
    case StorageClass::kNull:
      return "null";
    case StorageClass::kInteger:
      return "integer";
    case StorageClass::kReal:
      return "real";
    case StorageClass::kText:
      return "text";
    case StorageClass::kBlob:
      return "blob";
  }
  return "null";
}

bool same_value(const ValueView& left, const ValueView& right) {
  if (left.storage_class != right.storage_class) return false;
  switch (left.storage_class) {
    case StorageClass::kNull:
      return true;
    case StorageClass::kInteger:
      return left.integer == right.integer;
    case StorageClass::kReal:
      return std::bit_cast<uint64_t>(left.real) == std::bit_cast<uint64_t>(right.real);
    case StorageClass::kText:
    case StorageClass::kBlob:
      return left.bytes == right.bytes;
  }
  return false;
}

}  // namespace syncnode
