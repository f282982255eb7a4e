#include "memory/block.h"

#include "memory/packed_key.h"

namespace syncnode::memory {
namespace {

// A record's first byte: quarantined, three bits of KeyForm, the distance to the position before it, or the
// largest number there, and what is left of the distance follows.
constexpr unsigned kFormShift = 1;
constexpr unsigned kDistanceShift = 4;
constexpr unsigned kFormMask = 7;
constexpr uint64_t kFarDistance = 15;

Error damaged() {
  return Error{ErrorCode::kCorruption, "a block of the local memory is damaged", "it is rebuilt by hashes"};
}

}  // namespace

void append_record(std::string& block, int64_t previous_position, const Record& record) {
  const KeyForm form = key_form(record.position, record.key);
  // Positions span all of int64: distances wrap.
  const uint64_t distance = static_cast<uint64_t>(record.position) - static_cast<uint64_t>(previous_position);
  const uint64_t near = distance < kFarDistance ? distance : kFarDistance;
  block.push_back(static_cast<char>((record.quarantined ? 1U : 0U) |
                                    static_cast<unsigned>(form) << kFormShift |
                                    static_cast<unsigned>(near) << kDistanceShift));
  if (near == kFarDistance) append_varint(block, distance - kFarDistance);
  append_packed_key(block, form, record.key);
  append_stored_hash(block, record.hash);
}

Status decode_block(std::string_view block, int64_t first_position, std::vector<Record>& records) {
  auto position = static_cast<uint64_t>(first_position);
  size_t count = 0;  // records are written over: their keys keep their storage
  while (!block.empty()) {
    const auto head = static_cast<unsigned char>(block.front());
    block.remove_prefix(1);
    const unsigned form = head >> kFormShift & kFormMask;
    uint64_t distance = head >> kDistanceShift;
    if (form >= kKeyForms) return damaged();
    if (distance == kFarDistance) {
      if (!take_varint(block, distance)) return damaged();
      distance += kFarDistance;
    }
    position += distance;
    if (count == records.size()) records.emplace_back();
    Record& record = records[count++];
    record.position = static_cast<int64_t>(position);
    record.quarantined = (head & 1U) != 0;
    if (!take_packed_key(block, static_cast<KeyForm>(form), record.position, record.key) ||
        block.size() < kStoredHashBytes)
      return damaged();
    record.hash = read_stored_hash(block);
    block.remove_prefix(kStoredHashBytes);
  }
  records.resize(count);
  return {};
}

}  // namespace syncnode::memory
