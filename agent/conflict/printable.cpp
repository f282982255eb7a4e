#include "conflict/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace syncnode::conflict {
namespace {

struct Character {
  char32_t code = 0;
  size_t bytes = 1;
  bool valid = false;
};

Character character_at(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return {first, 1, true};
  const size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + bytes > text.size()) return {};
  char32_t code = first & (0xFFU >> (bytes + 1));
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(at + i) & 0xC0U) != 0x80) return {};
    code = (code << 6U) | (byte(at + i) & 0x3FU);
  }
  const bool shortest = code >= (bytes == 2 ? 0x80U : bytes == 3 ? 0x800U : 0x10000U);
  if (!shortest || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, bytes, true};
}

using Range = std::pair<char32_t, char32_t>;

template <size_t kCount>
bool within(const std::array<Range, kCount>& ranges, char32_t code) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& range) { return code >= range.first && code <= range.second; });
}

bool is_hidden(char32_t code) {
  static constexpr std::array<Range, 8> kHidden = {{{0, 0x1F},
                                                    {0x7F, 0x9F},
                                                    {0x61C, 0x61C},
                                                    {0x200B, 0x200F},
                                                    {0x2028, 0x202E},
                                                    {0x2060, 0x206F},
                                                    {0xFEFF, 0xFEFF},
                                                    {0xE0000, 0xE0FFF}}};
  return within(kHidden, code);
}

size_t columns_of(char32_t code) {
  static constexpr std::array<Range, 8> kWide = {{{0x1100, 0x115F},
                                                  {0x2E80, 0xA4CF},
                                                  {0xAC00, 0xD7A3},
                                                  {0xF900, 0xFAFF},
                                                  {0xFE30, 0xFE6F},
                                                  {0xFF00, 0xFF60},
                                                  {0x1F300, 0x1FAFF},
                                                  {0x20000, 0x3FFFD}}};
  return within(kWide, code) ? 2 : 1;
}

constexpr std::string_view kCut = "…";
constexpr size_t kShownBefore = 16;  // bytes

size_t character_start(std::string_view text, size_t at) {
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80) --at;
  return at;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    if (!character.valid) {
      out += "\uFFFD";
    } else if (character.code == '\n') {
      out += "\\n";
    } else if (is_hidden(character.code)) {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(character.code));
    } else {
      out += text.substr(at, character.bytes);
    }
    at += character.bytes;
  }
  return out;
}

size_t columns_of(std::string_view text) {
  size_t columns = 0;
  for (size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    columns += columns_of(character.code);
    at += character.bytes;
  }
  return columns;
}

std::string cut_to(std::string_view text, size_t columns) {
  size_t used = 0;
  size_t fits = 0;  // bytes that leave room for the mark
  for (size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    used += columns_of(character.code);
    if (used > columns) return std::string(text.substr(0, fits)).append(kCut);
    at += character.bytes;
    if (used < columns) fits = at;
  }
  return std::string(text);
}

std::string cut_around(std::string_view text, size_t from, size_t columns) {
  from = std::min(from, text.size());
  if (from <= kShownBefore || columns_of(text) <= columns) return cut_to(text, columns);
  const size_t start = character_start(text, from - kShownBefore);
  return std::string(kCut).append(cut_to(text.substr(start), columns - 1));
}

}  // namespace syncnode::conflict
