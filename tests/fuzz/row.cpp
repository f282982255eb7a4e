// Row keys and spooled rows: what decodes was encoded from exactly that.
#include "codec/row_key.h"
#include "law.h"
#include "sync/row_encoder.h"

using namespace syncnode;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  if (const auto values = codec::key_values(bytes)) {
    std::string key;
    for (const auto& value : *values) codec::append_key_value(key, value);
    fuzz::law(key == bytes, "a key has one decoding");
  }
  sync::EncodedRow row;
  const auto done = sync::deserialize(bytes, row);
  if (!done) {
    fuzz::law(done.error().code == ErrorCode::kInternal, "a torn row is kInternal");
    return 0;
  }
  std::string again;
  sync::serialize(row, again);
  fuzz::law(again == bytes, "a row has one decoding");
  return 0;
}
