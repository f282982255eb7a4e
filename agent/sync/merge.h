// Merge: ships changed rows of one table as sets, inside the caller's transaction. Bounded by rows and bytes
// per statement. One thread.
#pragma once

#include <functional>
#include <vector>

#include "base/result.h"
#include "postgres/pipeline.h"
#include "sync/array_param.h"
#include "sync/copy_state.h"
#include "sync/quarantine.h"
#include "sync/row_encoder.h"
#include "sync/spool.h"

namespace syncnode::sync {

class Merge {
 public:
  // `pipeline`, `target` and `table` must outlive the merge.
  static Result<Merge> create(postgres::Pipeline& pipeline, const CopyTarget& target, const CopyTable& table,
                              int batch_rows);

  // All rows of a spool of serialized EncodedRow records. How it went is known once the pipeline is finished.
  Status ship(Spool& rows, const std::function<void(int64_t)>& progress);

 private:
  Merge(postgres::Pipeline& pipeline, const CopyTable& table, std::string sql, QuarantineWriter quarantine,
        int batch_rows);
  void add(const EncodedRow& row);
  Status flush();

  postgres::Pipeline& pipeline_;
  const CopyTable& table_;
  std::string sql_;
  QuarantineWriter quarantine_;
  int batch_rows_;
  std::vector<ArrayParam> columns_;  // `_sync_key` first where the table has it
  size_t bytes_ = 0;
  size_t full_;  // so many are a batch
};

// Names of the copy's columns that are shipped, `_sync_key` first where the table has it; quoted, comma
// separated.
std::string quoted_columns(const CopyTable& table);
// What an INSERT of whole rows does to those that are there: DO UPDATE SET …, or DO NOTHING.
std::string upsert_action(const CopyTable& table);
std::string quoted_list(std::vector<std::string> names);

}  // namespace syncnode::sync
