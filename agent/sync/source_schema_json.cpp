#include "sync/source_schema_json.h"

#include "json/json.h"
#include "sync/copy_shape.h"

namespace syncnode::sync {

std::string source_schema_json(const SourceSchema& schema) {
  auto objects = json::Json::array();
  for (const auto& object : schema.objects) {
    objects.push_back({{"type", object.type},
                       {"name", wire_name(object.name)},
                       {"tbl_name", wire_name(object.table_name)},
                       {"sql", wire_name(object.sql)}});
  }
  return json::to_text({{"page_size", schema.page_size},
                        {"encoding", schema.encoding},
                        {"user_version", schema.user_version},
                        {"application_id", schema.application_id},
                        {"auto_vacuum", schema.auto_vacuum},
                        {"objects", objects}});
}

}  // namespace syncnode::sync
