// RecheckScratch: the rows of one source table as digests on local disk, marked with what the copy has of
// them. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/row_hash.h"
#include "memory/block.h"
#include "sqlite/database.h"

namespace syncnode::memory {

// A row as both sides can hash it.
struct RowDigest {
  std::string key;           // 8 bytes: of the primary key in the copy
  std::string row;           // 16 bytes: of all shipped columns
  uint32_t bucket_bits = 0;  // first 4 bytes of the key's digest; masked it is the bucket
};

struct BucketDigest {
  int64_t rows = 0;
  uint64_t high = 0;
  uint64_t low = 0;
  bool operator==(const BucketDigest&) const = default;
};

class RecheckScratch {
 public:
  // `buckets` is a power of two.
  static Result<RecheckScratch> create(uint32_t buckets);

  Status add(const RowDigest& digest, const Record& record, const std::string& quarantined);
  const BucketDigest& bucket(uint32_t number) const { return buckets_[number]; }
  uint32_t mask() const { return static_cast<uint32_t>(buckets_.size()) - 1; }

  // Rows of this bucket are in doubt until confirm() or change() says what the copy has of them.
  Status doubt(uint32_t bucket);
  // True when the copy's row is one of ours: equal or changed. False: only the copy has it.
  Result<bool> compare(std::string_view key_digest, std::string_view row_digest);
  // What the copy has in quarantine for a row.
  Status compare_quarantine(std::string_view row_key, std::string_view digest);

  // The rows that the copy has, in (position, key) order; of a content that differs, the hash is
  // StoredHash::other().
  Status for_each(const std::function<Status(const Record&)>& visit);

 private:
  RecheckScratch(sqlite::Database database, uint32_t buckets)
      : database_(std::move(database)), buckets_(buckets) {}

  sqlite::Database database_;
  std::vector<BucketDigest> buckets_;
  sqlite::Statement insert_, doubt_, find_, mark_, mark_quarantine_;
};

}  // namespace syncnode::memory
