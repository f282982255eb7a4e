// Removal: takes rows out of the copy by their keys, which archives them (sql/06-client-rows.sql), some
// thousands a statement. Inside the caller's transaction; one thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "json/json.h"
#include "postgres/pipeline.h"
#include "sync/copy_state.h"

namespace syncnode::sync {

class Removal {
 public:
  // All must outlive the removal.
  Removal(postgres::Pipeline& pipeline, const CopyTarget& target, const CopyTable& table, int64_t generation);

  Status add(std::string_view key);
  Status flush();

 private:
  postgres::Pipeline& pipeline_;
  const CopyTarget& target_;
  const CopyTable& table_;
  const std::string generation_;
  json::Json keys_ = json::Json::array();
};

}  // namespace syncnode::sync
