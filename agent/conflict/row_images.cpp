#include "conflict/row_images.h"

#include "conflict/json_equal.h"

namespace syncnode::conflict {
namespace {

const Json* pointer(const std::optional<Json>& image) {
  return image ? &*image : nullptr;
}

}  // namespace

std::optional<ConflictKind> conflict_kind(const RowImages& images) {
  const Json* base = pointer(images.base);
  const Json* source = pointer(images.source);
  const Json* target = pointer(images.target);
  if (same_json(source, target)) return std::nullopt;
  const bool base_known = !images.base_not_kept;
  if (base_known && (same_json(base, source) || same_json(base, target))) return std::nullopt;
  if (target == nullptr) return ConflictKind::kUpdateDelete;
  if (source == nullptr) return ConflictKind::kDeleteUpdate;
  const bool existed = base != nullptr || images.base_not_kept;
  return existed ? ConflictKind::kUpdateUpdate : ConflictKind::kInsertInsert;
}

std::string_view conflict_type(ConflictKind kind) {
  switch (kind) {
    case ConflictKind::kUpdateUpdate:
      return "update_conflict";
    case ConflictKind::kUpdateDelete:
    case ConflictKind::kDeleteUpdate:
      return "delete_conflict";
    case ConflictKind::kInsertInsert:
      return "constraint_violation";
  }
  return "custom";
}

}  // namespace syncnode::conflict
