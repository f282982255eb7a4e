#include "memory/packed_key.h"

#include <array>

#include "codec/bytes.h"
#include "codec/row_key.h"

namespace syncnode::memory {
namespace {

constexpr size_t kIntegerKey = 1 + 8;
constexpr size_t kTextHead = 1 + 4;  // class, length
constexpr size_t kUuidText = 36;
constexpr size_t kUuidBytes = 16;
constexpr size_t kOrdinalKey = codec::kContentDigest + 4;
constexpr char kIntegerTag = static_cast<char>(StorageClass::kInteger);
constexpr char kTextTag = static_cast<char>(StorageClass::kText);

constexpr char kDigits[] = "0123456789abcdef";

// Where the two digits of each byte of a UUID stand in its text: 8-4-4-4-12.
constexpr std::array<uint8_t, kUuidBytes> kDigitsAt = {0,  2,  4,  6,  9,  11, 14, 16,
                                                       19, 21, 24, 26, 28, 30, 32, 34};
constexpr std::array<uint8_t, 4> kDashesAt = {8, 13, 18, 23};

constexpr auto kDigitValues = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (int i = 0; i < 16; ++i) values[static_cast<unsigned char>(kDigits[i])] = static_cast<int8_t>(i);
  return values;
}();

int digit_value(char digit) {
  return kDigitValues[static_cast<unsigned char>(digit)];
}

bool is_uuid(std::string_view text) {
  if (text.size() != kUuidText) return false;
  for (uint8_t at : kDashesAt) {
    if (text[at] != '-') return false;
  }
  int signs = 0;  // negative when any digit is none
  for (uint8_t at : kDigitsAt) signs |= digit_value(text[at]) | digit_value(text[at + 1]);
  return signs >= 0;
}

uint64_t integer_of(std::string_view key) {
  return codec::read_big_endian<uint64_t>(key.data() + 1);
}

void put_text_head(std::string& key, size_t length) {
  key.push_back(kTextTag);
  codec::append_big_endian(key, static_cast<uint32_t>(length));
}

bool take_bytes(std::string_view& in, size_t length, std::string& key) {
  if (length > in.size()) return false;
  key.append(in.substr(0, length));
  in.remove_prefix(length);
  return true;
}

bool take_uuid(std::string_view& in, std::string& key) {
  if (in.size() < kUuidBytes) return false;
  char text[kUuidText];
  for (uint8_t at : kDashesAt) text[at] = '-';
  for (size_t i = 0; i < kUuidBytes; ++i) {
    auto byte = static_cast<unsigned char>(in[i]);
    text[kDigitsAt[i]] = kDigits[byte >> 4];
    text[kDigitsAt[i] + 1] = kDigits[byte & 15];
  }
  put_text_head(key, kUuidText);
  key.append(text, kUuidText);
  in.remove_prefix(kUuidBytes);
  return true;
}

}  // namespace

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

KeyForm key_form(int64_t position, std::string_view key) {
  if (key.size() == kIntegerKey && key.front() == kIntegerTag)
    return integer_of(key) == static_cast<uint64_t>(position) ? KeyForm::kPosition : KeyForm::kInteger;
  if (key.size() >= kTextHead && key.front() == kTextTag &&
      codec::read_big_endian<uint32_t>(key.data() + 1) == key.size() - kTextHead)
    return is_uuid(key.substr(kTextHead)) ? KeyForm::kUuid : KeyForm::kText;
  return key.size() == kOrdinalKey ? KeyForm::kOrdinal : KeyForm::kBytes;
}

void append_packed_key(std::string& out, KeyForm form, std::string_view key) {
  switch (form) {
    case KeyForm::kPosition:
      return;
    case KeyForm::kInteger:
      return append_varint(out, zigzag(integer_of(key)));
    case KeyForm::kUuid: {
      key.remove_prefix(kTextHead);
      char bytes[kUuidBytes];
      for (size_t i = 0; i < kUuidBytes; ++i)
        bytes[i] =
            static_cast<char>(digit_value(key[kDigitsAt[i]]) << 4 | digit_value(key[kDigitsAt[i] + 1]));
      out.append(bytes, kUuidBytes);
      return;
    }
    case KeyForm::kOrdinal:
      out.append(key.substr(0, codec::kContentDigest));
      return append_varint(out, codec::read_big_endian<uint32_t>(key.data() + codec::kContentDigest));
    case KeyForm::kText:
      key.remove_prefix(kTextHead);
      break;
    case KeyForm::kBytes:
      break;
  }
  append_varint(out, key.size());
  out.append(key);
}

bool take_packed_key(std::string_view& in, KeyForm form, int64_t position, std::string& key) {
  key.clear();
  uint64_t number = 0;
  switch (form) {
    case KeyForm::kPosition:
      codec::append_key_value(key, ValueView::of_integer(position));
      return true;
    case KeyForm::kInteger:
      if (!take_varint(in, number)) return false;
      codec::append_key_value(key, ValueView::of_integer(static_cast<int64_t>(unzigzag(number))));
      return true;
    case KeyForm::kUuid:
      return take_uuid(in, key);
    case KeyForm::kOrdinal:
      if (!take_bytes(in, codec::kContentDigest, key)) return false;
      if (!take_varint(in, number) || number > UINT32_MAX) return false;
      codec::append_big_endian(key, static_cast<uint32_t>(number));
      return true;
    case KeyForm::kText:
      if (!take_varint(in, number) || number > in.size()) return false;
      put_text_head(key, number);
      return take_bytes(in, number, key);
    case KeyForm::kBytes:
      return take_varint(in, number) && number <= in.size() && take_bytes(in, number, key);
  }
  return false;
}

}  // namespace syncnode::memory
