// CopyReader: reads a table of the copy back, row by row: key, and the row hash of its decoded values,
// quarantined ones included. Decoding is the inverse of what shipping did (codec/copy_field.h), on bytes that
// PostgreSQL gave. One thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "codec/row_hash.h"
#include "sync/copy_state.h"

namespace syncnode::sync {

class CopyReader {
 public:
  // `edited`: rows that somebody edited are read as they were shipped (open_edits.h).
  CopyReader(postgres::Connection& connection, const CopyTarget& target, const CopyTable& table,
             uint64_t seed, bool edited)
      : connection_(connection), target_(target), table_(table), seed_(seed), edited_(edited) {}

  using Visit = std::function<Status(const std::string& key, const codec::RowHash& hash)>;
  // Inside the caller's transaction. A value that decodes to nothing counts as a difference: its row gets a
  // hash of its own.
  Status read(const Visit& visit);

 private:
  Status read_quarantine();
  Status visit_row(const std::vector<std::optional<std::string_view>>& fields, const Visit& visit);
  std::string key_of(const std::vector<std::optional<std::string_view>>& fields) const;

  postgres::Connection& connection_;
  const CopyTarget& target_;
  const CopyTable& table_;
  const uint64_t seed_;
  const bool edited_;
  std::unordered_map<std::string, codec::RowHash> quarantined_;  // by row key
};

}  // namespace syncnode::sync
