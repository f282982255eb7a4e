// GoneRows: rows that the copy has and the source has not, on local disk (a mass delete must not cost
// memory), found again by key. Ends with the object. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "memory/memory.h"
#include "sqlite/database.h"

namespace syncnode::memory {

class GoneRows {
 public:
  static Result<GoneRows> create();
  Status add(const KeptRecord& kept);
  // The record with this key, removed from here.
  Result<std::optional<KeptRecord>> take(const std::string& key);
  Status for_each(const std::function<Status(const KeptRecord&)>& visit);
  int64_t count() const { return count_; }
  int64_t rejected() const { return rejected_; }

 private:
  explicit GoneRows(sqlite::Database database) : database_(std::move(database)) {}
  sqlite::Database database_;
  sqlite::Statement insert_, find_, remove_;
  int64_t count_ = 0;
  int64_t rejected_ = 0;
};

}  // namespace syncnode::memory
