#include "sqlite/schema_memo.h"

#include <algorithm>

namespace syncnode::sqlite {
namespace {

bool is_same(const SourceObject& left, const SourceObject& right) {
  return left.root_page == right.root_page && left.name == right.name && left.sql == right.sql &&
         left.type == right.type && left.table_name == right.table_name;
}

}  // namespace

SchemaMemo& SchemaMemo::shared() {
  static SchemaMemo memo;
  return memo;
}

std::optional<SchemaMemo::Understood> SchemaMemo::find(const std::vector<SourceObject>& objects) {
  std::lock_guard lock(mutex_);
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return std::equal(entry.objects.begin(), entry.objects.end(), objects.begin(), objects.end(), is_same);
  });
  if (found == entries_.end()) return std::nullopt;
  entries_.splice(entries_.begin(), entries_, found);
  return found->understood;
}

void SchemaMemo::keep(const std::vector<SourceObject>& objects, const Understood& understood) {
  std::lock_guard lock(mutex_);
  entries_.push_front({objects, understood});
  if (entries_.size() > kMost) entries_.pop_back();
}

}  // namespace syncnode::sqlite
