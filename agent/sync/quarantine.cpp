#include "sync/quarantine.h"

#include <algorithm>

#include "postgres/fill.h"
#include "sql/queries.h"

namespace syncnode::sync {
namespace {

constexpr size_t kBatchBytes = size_t{4} << 20;
constexpr int64_t kBatchPieces = 2000;

}  // namespace

Result<QuarantineWriter> QuarantineWriter::create(postgres::Pipeline& pipeline, const CopyTarget& target,
                                                  std::string table) {
  SN_ASSIGN(auto sql, postgres::fill(sql::quarantine_values, {{"schema", target.quoted_schema()}}));
  return QuarantineWriter(pipeline, std::move(sql), std::move(table));
}

Status QuarantineWriter::add(std::string_view row_key, std::string_view column,
                             const QuarantinedValue& value) {
  std::string_view left = value.bytes;
  int64_t piece = 0;
  do {
    keys_.add_bytes(row_key);
    columns_.add_bytes(column);
    pieces_.add_int64(piece++);
    classes_.add_bytes(to_string(value.storage_class));
    values_.add_bytes(left.substr(0, kQuarantinePiece));
    reasons_.add_bytes(value.reason);
    left.remove_prefix(std::min(left.size(), kQuarantinePiece));
    if (values_.size() >= kBatchBytes || values_.count() >= kBatchPieces) SN_TRY(flush());
  } while (!left.empty());
  return {};
}

Status QuarantineWriter::flush() {
  if (keys_.count() == 0) return {};
  SN_TRY(pipeline_->add(sql_,
                        {postgres::Param::text(table_), keys_.param(), columns_.param(), pieces_.param(),
                         classes_.param(), values_.param(), reasons_.param()},
                        kStatementWait));
  for (ArrayParam* array : {&keys_, &columns_, &pieces_, &classes_, &values_, &reasons_}) array->clear();
  return {};
}

}  // namespace syncnode::sync
