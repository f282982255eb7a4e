// SchemaMemo: what was understood of the last schemas, by their text: an application's hardly ever changes,
// and to understand one takes longer than to read it. Nothing of a file but its sqlite_schema goes into it.
// One for the process, any thread.
#pragma once

#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <vector>

#include "model/source_schema.h"

namespace syncnode::sqlite {

class SchemaMemo {
 public:
  struct Understood {
    std::vector<SourceTable> tables;
    std::vector<SkippedTable> skipped;
  };

  static SchemaMemo& shared();

  std::optional<Understood> find(const std::vector<SourceObject>& objects);
  void keep(const std::vector<SourceObject>& objects, const Understood& understood);

 private:
  struct Entry {
    std::vector<SourceObject> objects;
    Understood understood;
  };
  static constexpr size_t kMost = 32;  // some 25 KB each

  std::mutex mutex_;
  std::list<Entry> entries_;  // the one that was asked for last is the first
};

}  // namespace syncnode::sqlite
