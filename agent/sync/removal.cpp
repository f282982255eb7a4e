#include "sync/removal.h"

#include "base/hex.h"
#include "codec/row_key.h"
#include "sql/queries.h"

namespace syncnode::sync {
namespace {

using postgres::Param;

constexpr size_t kKeysPerStatement = 10000;
constexpr std::chrono::minutes kRemoveWait{10};

// One element of remove_rows' keys: the row key in hex, then the primary key's values as text.
Result<json::Json> removal(const CopyTable& table, std::string_view key) {
  auto element = json::Json::array({to_hex(key)});
  if (table.keyed_by_column()) {
    element.push_back(to_hex(key));
    return element;
  }
  auto values = codec::key_values(key);
  if (!values)
    return Error{ErrorCode::kInternal, "a plain key of table '" + table.name + "' cannot be read", ""};
  for (const auto& value : *values) {
    element.push_back(value.storage_class == StorageClass::kInteger ? std::to_string(value.integer)
                                                                    : std::string(value.bytes));
  }
  return element;
}

}  // namespace

Removal::Removal(postgres::Pipeline& pipeline, const CopyTarget& target, const CopyTable& table,
                 int64_t generation)
    : pipeline_(pipeline), target_(target), table_(table), generation_(std::to_string(generation)) {}

Status Removal::add(std::string_view key) {
  SN_ASSIGN(auto element, removal(table_, key));
  keys_.push_back(std::move(element));
  return keys_.size() < kKeysPerStatement ? Status() : flush();
}

Status Removal::flush() {
  if (keys_.empty()) return {};
  auto columns = json::Json::array();
  for (const auto& name : table_.key_targets()) columns.push_back(name);
  const std::string column_text = json::to_text(columns);
  const std::string key_text = json::to_text(keys_);
  const std::string name = wire_name(table_.name);
  const std::string epoch = std::to_string(target_.term.epoch);
  SN_TRY(pipeline_.add(sql::remove_rows,
                       {Param::text(target_.deployment.id), Param::text(epoch), Param::text(generation_),
                        Param::text(name), Param::text(column_text), Param::text(key_text)},
                       kRemoveWait));
  keys_ = json::Json::array();
  return {};
}

}  // namespace syncnode::sync
