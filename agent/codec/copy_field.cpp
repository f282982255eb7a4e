#include "codec/copy_field.h"

#include <bit>
#include <charconv>
#include <cmath>

#include "base/utf8.h"
#include "codec/bytes.h"
#include "codec/decimal.h"
#include "codec/json_text.h"

namespace syncnode::codec {
namespace {

constexpr std::string_view kWrongClass = "storage class does not fit the column";
constexpr std::string_view kNotText = "not UTF-8 text that PostgreSQL holds";
constexpr std::string_view kNotJson = "not JSON that PostgreSQL reads";
constexpr std::string_view kAmbiguous = "would read back as another value";
constexpr std::string_view kTooLarge = "larger than a field may be";

bool fits_int64(std::string_view plain) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  return error == std::errc() && end == plain.data() + plain.size();
}

std::string_view real_as_number_misfit(TargetType type, double value) {
  if (!std::isfinite(value)) return kAmbiguous;
  if (type == TargetType::kJson) return {};
  bool negative_zero = value == 0 && std::signbit(value);
  // An integral double within int64 would come back as INTEGER.
  bool reads_as_integer = value == std::trunc(value) && value >= -0x1p63 && value < 0x1p63;
  return negative_zero || reads_as_integer ? kAmbiguous : std::string_view();
}

std::string_view text_misfit(TargetType type, std::string_view text) {
  if (text.size() > kLargestField) return kTooLarge;
  if (type == TargetType::kText) return is_postgres_text(text) ? std::string_view() : kNotText;
  if (number_literal(text) != NumberLiteral::kNone) return kAmbiguous;
  return is_postgres_json(text) ? std::string_view() : kNotJson;
}

void append_bytes(std::string& out, std::string_view bytes) {
  append_big_endian(out, static_cast<uint32_t>(bytes.size()));
  out.append(bytes);
}

void append_fixed(std::string& out, uint64_t bits) {
  append_big_endian(out, uint32_t{8});
  append_big_endian(out, bits);
}

std::string number_text(const ValueView& value) {
  return value.storage_class == StorageClass::kInteger ? std::to_string(value.integer)
                                                       : real_literal(value.real);
}

std::optional<ValueView> decode_json(std::string_view payload) {
  int64_t integer = 0;
  switch (number_literal(payload)) {
    case NumberLiteral::kInteger:
      std::from_chars(payload.data(), payload.data() + payload.size(), integer);
      return ValueView::of_integer(integer);
    case NumberLiteral::kReal:
      return ValueView::of_real(read_real(payload));
    case NumberLiteral::kNone:
      return ValueView::of_text(payload);
  }
  return std::nullopt;
}

std::optional<ValueView> decode_numeric(std::string_view payload) {
  auto text = numeric_text(payload);
  if (!text) return std::nullopt;
  if (text->find('.') == std::string::npos && fits_int64(*text)) {
    int64_t integer = 0;
    std::from_chars(text->data(), text->data() + text->size(), integer);
    return ValueView::of_integer(integer);
  }
  return ValueView::of_real(read_real(*text));
}

}  // namespace

std::string_view misfit(TargetType type, const ValueView& value) {
  switch (value.storage_class) {
    case StorageClass::kNull:
      return {};
    case StorageClass::kInteger:
      if (type == TargetType::kBoolean)
        return value.integer == 0 || value.integer == 1 ? std::string_view() : kWrongClass;
      return type == TargetType::kBigint || type == TargetType::kNumeric || type == TargetType::kJson
                 ? std::string_view()
                 : kWrongClass;
    case StorageClass::kReal:
      if (type == TargetType::kDouble) return {};
      return type == TargetType::kNumeric || type == TargetType::kJson
                 ? real_as_number_misfit(type, value.real)
                 : kWrongClass;
    case StorageClass::kText:
      return type == TargetType::kText || type == TargetType::kJson ? text_misfit(type, value.bytes)
                                                                    : kWrongClass;
    case StorageClass::kBlob:
      if (type != TargetType::kBytea) return kWrongClass;
      return value.bytes.size() > kLargestField ? kTooLarge : std::string_view();
  }
  return kWrongClass;
}

void append_null(std::string& out) {
  append_big_endian(out, uint32_t{0xFFFFFFFF});
}

std::string_view append_field(std::string& out, TargetType type, const ValueView& value) {
  std::string_view reason = misfit(type, value);
  if (value.is_null() || !reason.empty()) {
    append_null(out);
    return reason;
  }
  switch (type) {
    case TargetType::kBoolean:
      append_bytes(out, std::string_view(value.integer != 0 ? "\1" : "\0", 1));
      break;
    case TargetType::kBigint:
      append_fixed(out, static_cast<uint64_t>(value.integer));
      break;
    case TargetType::kDouble:
      append_fixed(out, std::bit_cast<uint64_t>(value.real));
      break;
    case TargetType::kNumeric:
      append_bytes(out, numeric_binary(plain_decimal(number_text(value))));
      break;
    case TargetType::kJson:
      append_bytes(out, value.storage_class == StorageClass::kText ? value.bytes
                                                                   : std::string_view(number_text(value)));
      break;
    case TargetType::kText:
    case TargetType::kBytea:
      append_bytes(out, value.bytes);
      break;
  }
  return {};
}

std::optional<ValueView> decode_field(TargetType type, std::string_view payload) {
  switch (type) {
    case TargetType::kBoolean:
      if (payload.size() != 1) return std::nullopt;
      return ValueView::of_integer(payload[0] != 0 ? 1 : 0);
    case TargetType::kBigint:
      if (payload.size() != 8) return std::nullopt;
      return ValueView::of_integer(static_cast<int64_t>(read_big_endian<uint64_t>(payload.data())));
    case TargetType::kDouble:
      if (payload.size() != 8) return std::nullopt;
      return ValueView::of_real(std::bit_cast<double>(read_big_endian<uint64_t>(payload.data())));
    case TargetType::kNumeric:
      return decode_numeric(payload);
    case TargetType::kJson:
      return decode_json(payload);
    case TargetType::kText:
      return ValueView::of_text(payload);
    case TargetType::kBytea:
      return ValueView::of_blob(payload);
  }
  return std::nullopt;
}

}  // namespace syncnode::codec
