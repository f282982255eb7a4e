// Shapes from the copy or the local memory: an error or a shape that comes back, never an exception.
#include "law.h"
#include "sync/copy_shape.h"

using namespace syncnode;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  sync::CopyTable columns;
  if (sync::parse_columns_json(text, columns)) {
    sync::CopyTable again;
    fuzz::law(sync::parse_columns_json(sync::columns_json(columns), again).has_value(),
              "columns can be read again");
    fuzz::law(again.columns == columns.columns, "columns come back");
  }
  if (const auto shape = sync::parse_shape_json(text)) {
    const auto again = sync::parse_shape_json(sync::shape_json(*shape));
    fuzz::law(again && *again == *shape, "a shape comes back");
  }
  fuzz::law(sync::source_name_of(sync::wire_name(text)) == text, "a name comes back");
  return 0;
}
