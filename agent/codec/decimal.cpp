#include "codec/decimal.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

#include "codec/bytes.h"

namespace syncnode::codec {
namespace {

constexpr int kDigits = 4;  // decimal digits in one base-10000 digit

// Four decimal digits; a number's zeros beyond what is stored.
std::string digit_at(std::string_view binary, int count, int index) {
  if (index < 0 || index >= count) return "0000";
  const char* digit = binary.data() + 8 + size_t{2} * static_cast<size_t>(index);
  return fmt::format("{:04}", read_big_endian<uint16_t>(digit));
}

}  // namespace

std::string real_literal(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

double read_real(std::string_view literal) {
  double value = 0;
  std::from_chars(literal.data(), literal.data() + literal.size(), value);
  return value;
}

std::string plain_decimal(std::string_view literal) {
  size_t e = literal.find_first_of("eE");
  std::string mantissa(literal.substr(0, e));
  int exponent = 0;
  if (e != std::string_view::npos) {
    std::string_view digits = literal.substr(e + 1);
    if (!digits.empty() && digits.front() == '+') digits.remove_prefix(1);
    std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
  }
  bool negative = mantissa.front() == '-';
  if (negative) mantissa.erase(0, 1);
  size_t dot = mantissa.find('.');
  int point = static_cast<int>(dot == std::string::npos ? mantissa.size() : dot) + exponent;
  if (dot != std::string::npos) mantissa.erase(dot, 1);
  if (point <= 0) {
    mantissa = std::string(static_cast<size_t>(1 - point), '0') + mantissa;
    point = 1;
  }
  while (point > static_cast<int>(mantissa.size())) mantissa += '0';
  std::string whole = mantissa.substr(0, static_cast<size_t>(point));
  std::string fraction = mantissa.substr(static_cast<size_t>(point));
  while (whole.size() > 1 && whole.front() == '0') whole.erase(0, 1);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return (negative ? "-" : "") + whole + (fraction.empty() ? "" : "." + fraction);
}

std::string numeric_binary(std::string_view text) {
  bool negative = text.front() == '-';
  if (negative) text.remove_prefix(1);
  size_t dot = text.find('.');
  std::string whole(text.substr(0, dot));
  std::string fraction(dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1));
  auto scale = static_cast<uint16_t>(fraction.size());
  whole.insert(0, (kDigits - whole.size() % kDigits) % kDigits, '0');
  fraction.append((kDigits - fraction.size() % kDigits) % kDigits, '0');
  int weight = static_cast<int>(whole.size()) / kDigits - 1;
  std::string decimal = whole + fraction;
  while (decimal.size() >= kDigits && decimal.compare(0, kDigits, "0000") == 0) {
    decimal.erase(0, kDigits);
    --weight;
  }
  while (decimal.size() >= kDigits && decimal.compare(decimal.size() - kDigits, kDigits, "0000") == 0) {
    decimal.resize(decimal.size() - kDigits);
  }
  if (decimal.empty()) weight = 0;
  std::string out;
  append_big_endian(out, static_cast<uint16_t>(decimal.size() / kDigits));
  append_big_endian(out, static_cast<uint16_t>(static_cast<int16_t>(weight)));
  append_big_endian(out, static_cast<uint16_t>(negative && !decimal.empty() ? 0x4000 : 0));
  append_big_endian(out, scale);
  for (size_t i = 0; i < decimal.size(); i += kDigits) {
    uint16_t digit = 0;
    std::from_chars(decimal.data() + i, decimal.data() + i + kDigits, digit);
    append_big_endian(out, digit);
  }
  return out;
}

std::optional<std::string> numeric_text(std::string_view binary) {
  if (binary.size() < 8) return std::nullopt;
  auto count = read_big_endian<uint16_t>(binary.data());
  int weight = static_cast<int16_t>(read_big_endian<uint16_t>(binary.data() + 2));
  auto sign = read_big_endian<uint16_t>(binary.data() + 4);
  auto scale = read_big_endian<uint16_t>(binary.data() + 6);
  if ((sign != 0 && sign != 0x4000) || binary.size() != 8 + size_t{count} * 2) return std::nullopt;
  std::string whole;
  std::string fraction;
  for (int i = 0; i <= weight; ++i) {
    whole += digit_at(binary, count, i);
  }
  for (int i = weight + 1; static_cast<int>(fraction.size()) < scale; ++i) {
    fraction += digit_at(binary, count, i);
  }
  fraction.resize(scale);
  size_t lead = whole.find_first_not_of('0');
  whole = lead == std::string::npos ? "0" : whole.substr(lead);
  return (sign != 0 ? "-" : "") + whole + (scale == 0 ? "" : "." + fraction);
}

}  // namespace syncnode::codec
