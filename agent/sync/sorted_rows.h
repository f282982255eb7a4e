// SortedRows: SourceRows for tables that have no rowid or no identity. Every row is encoded once into a
// scratch file sorted by (hash of the key, key); equal rows of a multiset are numbered there.
#pragma once

#include "sync/source_rows.h"

namespace syncnode::sync {

class SortedRows final : public SourceRows {
 public:
  static Result<std::unique_ptr<SourceRows>> open(sqlite::Snapshot& snapshot, const SourceTable& table,
                                                  const CopyTable& copy, const SourceRowsOptions& options);

  Result<bool> next() override;
  int64_t position() const override { return position_; }
  const std::string& key() const override { return key_; }
  codec::RowHash hash() const override { return hash_; }
  bool has_misfit() const override { return has_misfit_; }
  Status encode(EncodedRow& out) override;
  Status fetch(int64_t position, const std::string& key, EncodedRow& out) override;

 private:
  SortedRows(const CopyTable& copy, uint64_t seed, sqlite::Database scratch)
      : copy_(copy), seed_(seed), scratch_(std::move(scratch)) {}
  Status fill(sqlite::Snapshot& snapshot, const SourceTable& table);
  Status start(std::optional<int64_t> after);
  int64_t position_of(std::string_view key) const;

  const CopyTable& copy_;
  const uint64_t seed_;
  sqlite::Database scratch_;
  sqlite::Statement rows_;
  sqlite::Statement point_;
  int64_t position_ = 0;
  std::string key_;
  std::string previous_digest_;
  uint32_t ordinal_ = 0;
  codec::RowHash hash_;
  bool has_misfit_ = false;
};

}  // namespace syncnode::sync
