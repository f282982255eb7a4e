#include "memory/block.h"

#include "codec/row_key.h"

namespace syncnode::memory {
namespace {

void append_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

bool take_varint(std::string_view& in, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !in.empty(); shift += 7) {
    auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// Differences wrap: positions span all of int64.
uint64_t zigzag(uint64_t difference) {
  return (difference << 1) ^ (0 - (difference >> 63));
}
uint64_t unzigzag(uint64_t coded) {
  return (coded >> 1) ^ (0 - (coded & 1));
}

std::string position_key(int64_t position) {
  std::string key;
  codec::append_key_value(key, ValueView::of_integer(position));
  return key;
}

}  // namespace

void append_record(std::string& block, int64_t previous_position, const Record& record,
                   bool key_is_position) {
  append_varint(block,
                zigzag(static_cast<uint64_t>(record.position) - static_cast<uint64_t>(previous_position)));
  append_varint(block, key_is_position ? 0 : record.key.size());
  if (!key_is_position) block.append(record.key);
  block.push_back(record.quarantined ? '\1' : '\0');
  codec::append_row_hash(block, record.hash);
}

Status decode_block(std::string_view block, int64_t first_position, bool key_is_position,
                    std::vector<Record>& records) {
  records.clear();
  auto position = static_cast<uint64_t>(first_position);
  while (!block.empty()) {
    uint64_t difference = 0;
    uint64_t key_length = 0;
    if (!take_varint(block, difference) || !take_varint(block, key_length) || key_length > block.size() ||
        block.size() - key_length < 1 + codec::kRowHashBytes) {
      return Error{ErrorCode::kCorruption, "a block of the local memory is damaged",
                   "it is rebuilt by hashes"};
    }
    position += unzigzag(difference);
    Record& record = records.emplace_back();
    record.position = static_cast<int64_t>(position);
    record.key = key_is_position ? position_key(record.position) : std::string(block.substr(0, key_length));
    block.remove_prefix(key_length);
    record.quarantined = block.front() != 0;
    record.hash = codec::read_row_hash(block.data() + 1);
    block.remove_prefix(1 + codec::kRowHashBytes);
  }
  return {};
}

}  // namespace syncnode::memory
