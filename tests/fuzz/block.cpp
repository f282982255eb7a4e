// A block decodes or is kCorruption; what decoded, written again, decodes to the same.
#include "memory/block.h"

#include "law.h"

using namespace syncnode;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<memory::Record> records, again;
  const auto done = memory::decode_block(fuzz::text_of(data, size), 0, records);
  if (!done) {
    fuzz::law(done.error().code == ErrorCode::kCorruption, "damage is kCorruption");
    return 0;
  }
  std::string block;
  int64_t previous = 0;
  for (const auto& record : records) {
    memory::append_record(block, previous, record);
    previous = record.position;
  }
  fuzz::law(memory::decode_block(block, 0, again).has_value(), "what was decoded can be written");
  fuzz::law(again.size() == records.size(), "as many records");
  for (size_t i = 0; i < records.size(); ++i) {
    fuzz::law(again[i].position == records[i].position && again[i].key == records[i].key &&
                  again[i].quarantined == records[i].quarantined && again[i].hash == records[i].hash,
              "the same records");
  }
  return 0;
}
