// SortedScratch: rows on local disk, given back in the order of the memory: by position, then key. Ends with
// the object. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "codec/row_hash.h"
#include "sqlite/database.h"

namespace syncnode::memory {

struct SortedRow {
  int64_t position = 0;
  std::string_view key;  // borrowed, as `data`, until the next call
  codec::RowHash hash;
  bool has_misfit = false;
  std::string_view data;
};

class SortedScratch {
 public:
  static Result<SortedScratch> create();

  Status add(const SortedRow& row);
  // Ends adding; rows above `after` follow, or all.
  Status sort(std::optional<int64_t> after);
  // Nothing at the end.
  Result<std::optional<SortedRow>> next();
  // The data of one row (any, where equal ones share a key); kInternal when there is none.
  Result<std::string_view> find(int64_t position, std::string_view key);

 private:
  explicit SortedScratch(sqlite::Database database) : database_(std::move(database)) {}

  sqlite::Database database_;
  sqlite::Statement insert_, rows_, point_;
};

}  // namespace syncnode::memory
