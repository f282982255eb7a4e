#include "codec/row_key.h"

#include <bit>

#include "codec/bytes.h"
#include "codec/sha256.h"

namespace syncnode::codec {
namespace {

constexpr char kRowidTag = 0x06;
constexpr char kBoundedTag = static_cast<char>(0xFF);

}  // namespace

void append_key_value(std::string& key, const ValueView& value) {
  key.push_back(static_cast<char>(value.storage_class));
  switch (value.storage_class) {
    case StorageClass::kNull:
      break;
    case StorageClass::kInteger:
      append_big_endian(key, static_cast<uint64_t>(value.integer));
      break;
    case StorageClass::kReal:
      append_big_endian(key, std::bit_cast<uint64_t>(value.real));
      break;
    case StorageClass::kText:
    case StorageClass::kBlob:
      append_big_endian(key, static_cast<uint32_t>(value.bytes.size()));
      key.append(value.bytes);
      break;
  }
}

void append_key_rowid(std::string& key, int64_t rowid) {
  key.push_back(kRowidTag);
  append_big_endian(key, static_cast<uint64_t>(rowid));
}

void bound_key(std::string& key) {
  if (key.size() > kLongestKey) key = kBoundedTag + sha256(key);
}

std::optional<std::vector<ValueView>> key_values(std::string_view key) {
  std::vector<ValueView> values;
  while (!key.empty()) {
    auto storage_class = static_cast<StorageClass>(key.front());
    key.remove_prefix(1);
    if (storage_class == StorageClass::kInteger || storage_class == StorageClass::kReal) {
      if (key.size() < 8) return std::nullopt;
      auto bits = read_big_endian<uint64_t>(key.data());
      values.push_back(storage_class == StorageClass::kInteger
                           ? ValueView::of_integer(static_cast<int64_t>(bits))
                           : ValueView::of_real(std::bit_cast<double>(bits)));
      key.remove_prefix(8);
    } else if (storage_class == StorageClass::kText || storage_class == StorageClass::kBlob) {
      if (key.size() < 4) return std::nullopt;
      size_t length = read_big_endian<uint32_t>(key.data());
      key.remove_prefix(4);
      if (key.size() < length) return std::nullopt;
      std::string_view bytes = key.substr(0, length);
      values.push_back(storage_class == StorageClass::kText ? ValueView::of_text(bytes)
                                                            : ValueView::of_blob(bytes));
      key.remove_prefix(length);
    } else if (storage_class == StorageClass::kNull) {
      values.push_back(ValueView::null());
    } else {
      return std::nullopt;
    }
  }
  return values;
}

void append_content_value(std::string& content, uint32_t column_id, const ValueView& value) {
  if (value.is_null()) return;
  append_big_endian(content, column_id);
  append_key_value(content, value);
}

std::string content_digest(std::string_view content) {
  return sha256(content).substr(0, kContentDigest);
}

std::string multiset_key(std::string_view digest, uint32_t ordinal) {
  std::string key(digest);
  append_big_endian(key, ordinal);
  return key;
}

}  // namespace syncnode::codec
