// SortedRows: SourceRows for tables that have no rowid or no identity. Every row is encoded once into a
// scratch file sorted by (hash of the key, key); equal rows of a multiset are numbered there.
#pragma once

#include <optional>
#include <string>

#include "memory/sorted_scratch.h"
#include "sync/source_rows.h"

namespace syncnode::sync {

class SortedRows final : public SourceRows {
 public:
  static Result<std::unique_ptr<SourceRows>> open(sqlite::Snapshot& snapshot, const SourceTable& table,
                                                  const CopyTable& copy, const SourceRowsOptions& options);

  Result<bool> next() override;
  int64_t position() const override { return row_.position; }
  const std::string& key() const override { return key_; }
  codec::RowHash hash() const override { return row_.hash; }
  bool has_misfit() const override { return row_.has_misfit; }
  Status encode(EncodedRow& out) override;
  Status fetch(int64_t position, const std::string& key, EncodedRow& out) override;

 private:
  SortedRows(const CopyTable& copy, uint64_t seed, memory::SortedScratch scratch)
      : copy_(copy), seed_(seed), scratch_(std::move(scratch)) {}
  Status fill(sqlite::Snapshot& snapshot, const SourceTable& table);

  const CopyTable& copy_;
  const uint64_t seed_;
  memory::SortedScratch scratch_;
  memory::SortedRow row_;
  std::string key_;
  std::string previous_digest_;
  uint32_t ordinal_ = 0;
};

}  // namespace syncnode::sync
