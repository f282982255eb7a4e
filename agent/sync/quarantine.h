// QuarantineWriter: values that no column of the copy holds, in pieces, inside the caller's transaction. One
// thread.
#pragma once

#include <string>

#include "base/result.h"
#include "postgres/pipeline.h"
#include "sync/array_param.h"
#include "sync/copy_state.h"
#include "sync/row_encoder.h"

namespace syncnode::sync {

inline constexpr size_t kQuarantinePiece = size_t{1} << 20;

class QuarantineWriter {
 public:
  // `table`: the source's name on the wire, or a load table's.
  static Result<QuarantineWriter> create(postgres::Pipeline& pipeline, const CopyTarget& target,
                                         std::string table);

  Status add(std::string_view row_key, std::string_view column, const QuarantinedValue& value);
  Status flush();

 private:
  QuarantineWriter(postgres::Pipeline& pipeline, std::string sql, std::string table)
      : pipeline_(&pipeline), sql_(std::move(sql)), table_(std::move(table)) {}

  postgres::Pipeline* pipeline_;
  std::string sql_;
  std::string table_;
  ArrayParam keys_ = ArrayParam::of_bytea();
  ArrayParam columns_ = ArrayParam::of_text();
  ArrayParam pieces_ = ArrayParam::of_bigint();
  ArrayParam classes_ = ArrayParam::of_text();
  ArrayParam values_ = ArrayParam::of_bytea();
  ArrayParam reasons_ = ArrayParam::of_text();
};

}  // namespace syncnode::sync
