#include "cli/text.h"

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "base/utf8.h"

namespace syncnode::cli {
namespace {

size_t sequence_length(std::string_view text) {
  auto lead = static_cast<unsigned char>(text[0]);
  size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return length <= text.size() && is_postgres_text(text.substr(0, length)) ? length : 0;
}

char32_t code_point(std::string_view sequence) {
  auto lead = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return lead;
  char32_t point = lead & (0xFFu >> (sequence.size() + 1));
  for (size_t i = 1; i < sequence.size(); ++i)
    point = point << 6 | (static_cast<unsigned char>(sequence[i]) & 0x3F);
  return point;
}

// C0, C1, DEL, and the characters that turn the direction of a line around.
bool obeyed_by_terminals(char32_t point) {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || (point >= 0x200B && point <= 0x200F) ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069) || point == 0xFEFF;
}

size_t columns_of(char32_t point) {
  bool combining = (point >= 0x300 && point < 0x370) || (point >= 0xFE00 && point < 0xFE10);
  bool wide = (point >= 0x1100 && point < 0x1160) || (point >= 0x2E80 && point < 0xA4D0) ||
              (point >= 0xAC00 && point < 0xD7A4) || (point >= 0xF900 && point < 0xFB00) ||
              (point >= 0xFF00 && point < 0xFF61) || (point >= 0x1F300 && point < 0x1FB00) ||
              (point >= 0x20000 && point < 0x40000);
  return combining ? 0 : wide ? 2 : 1;
}

}  // namespace

std::string printable(std::string_view foreign) {
  std::string shown;
  while (!foreign.empty()) {
    size_t length = sequence_length(foreign);
    if (length == 0 || obeyed_by_terminals(code_point(foreign.substr(0, length)))) {
      length = std::max<size_t>(length, 1);
      for (char c : foreign.substr(0, length))
        shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      shown += foreign.substr(0, length);
    }
    foreign.remove_prefix(length);
  }
  return shown;
}

std::string count_text(int64_t count) {
  std::string digits = std::to_string(count);
  size_t first = digits[0] == '-' ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string bytes_text(uint64_t bytes) {
  if (bytes < 1000) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  for (const char* unit : {"kB", "MB", "GB"}) {
    value /= 1000;
    if (value < 999.95) return fmt::format("{:.1f} {}", value, unit);
  }
  return fmt::format("{:.1f} TB", value / 1000);
}

std::string seconds_text(double seconds) {
  if (seconds < 1) return fmt::format("{:.2f} s", seconds);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  auto whole = std::llround(seconds);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

std::string span_text(double seconds) {
  auto whole = std::llround(std::max(seconds, 0.0));
  if (whole < 120) return fmt::format("{} s", whole);
  if (whole < 7200) return fmt::format("{} min", whole / 60);
  if (whole < 172800) return fmt::format("{} h", whole / 3600);
  return fmt::format("{} days", whole / 86400);
}

std::string interval_text(int64_t seconds) {
  return seconds == 0 ? "live" : fmt::format("every {} s", seconds);
}

std::string age_text(double seconds) {
  return seconds < 0.5 ? "now" : span_text(seconds) + " ago";
}

size_t display_width(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) {
    size_t length = sequence_length(text);
    columns += length == 0 ? 1 : columns_of(code_point(text.substr(0, length)));
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return columns;
}

std::string fit(std::string_view text, size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::vector<std::string_view> pieces;
  for (auto rest = text; !rest.empty();) {
    size_t length = std::max<size_t>(sequence_length(rest), 1);
    pieces.push_back(rest.substr(0, length));
    rest.remove_prefix(length);
  }
  // The end of a path or name tells more than its middle: keep both ends.
  size_t tail_columns = (columns - 1) / 2, head_columns = columns - 1 - tail_columns;
  std::string head;
  size_t tail_start = pieces.size();
  for (size_t i = 0, used = 0; i < pieces.size(); ++i) {
    used += display_width(pieces[i]);
    if (used > head_columns) break;
    head += pieces[i];
  }
  for (size_t i = pieces.size(), used = 0; i > 0; --i) {
    used += display_width(pieces[i - 1]);
    if (used > tail_columns) break;
    tail_start = i - 1;
  }
  std::string shown = head;
  shown += "…";
  for (size_t i = tail_start; i < pieces.size(); ++i) shown += pieces[i];
  return shown;
}

}  // namespace syncnode::cli
