#include "codec/json_text.h"

#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/utf8.h"

namespace syncnode::codec {
namespace {

// How many of eight bytes of a string, from the first, mean nothing but themselves: no quote, backslash or
// control character. A byte's test can be wrong only behind one whose test is right, since borrows go
// upwards; so the lowest mark is exact, where the first byte is the lowest.
size_t plain_bytes(const char* p) {
  constexpr uint64_t kHigh = 0x8080808080808080ULL;
  constexpr uint64_t kOnes = 0x0101010101010101ULL;
  uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  const uint64_t quote = word ^ (kOnes * '"');
  const uint64_t backslash = word ^ (kOnes * '\\');
  const uint64_t marks =
      (((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) | ((word - kOnes * 0x20) & ~word)) &
      kHigh;
  if (marks == 0) return sizeof word;
  if constexpr (std::endian::native != std::endian::little) return 0;
  return static_cast<size_t>(std::countr_zero(marks)) / 8;
}

using Characters = std::array<bool, 256>;

constexpr Characters characters(std::string_view listed) {
  Characters set{};
  for (const char c : listed) set[static_cast<unsigned char>(c)] = true;
  return set;
}

constexpr Characters kHexDigit = characters("0123456789abcdefABCDEF");
constexpr Characters kShortEscape = characters("\"\\/bfnrt");

bool is_one_of(const Characters& set, char c) {
  return set[static_cast<unsigned char>(c)];
}

class Cursor {
 public:
  explicit Cursor(std::string_view text) : p_(text.data()), end_(text.data() + text.size()) {}

  bool at_end() const { return p_ == end_; }
  char peek() const { return at_end() ? '\0' : *p_; }
  bool take(char c) {
    if (at_end() || *p_ != c) return false;
    ++p_;
    return true;
  }
  void skip_space() {
    while (!at_end() && (*p_ == ' ' || *p_ == '\t' || *p_ == '\n' || *p_ == '\r')) ++p_;
  }
  bool take_word(std::string_view word) {
    if (static_cast<size_t>(end_ - p_) < word.size() || std::string_view(p_, word.size()) != word)
      return false;
    p_ += word.size();
    return true;
  }
  bool take_digits() {
    const char* start = p_;
    while (!at_end() && *p_ >= '0' && *p_ <= '9') ++p_;
    return p_ != start;
  }
  bool take_number() {
    take('-');
    if (!take('0') && !(peek() != '0' && take_digits())) return false;
    if (take('.') && !take_digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!take_digits()) return false;
    }
    return true;
  }
  bool take_string() {
    if (!take('"')) return false;
    while (!at_end()) {
      while (end_ - p_ >= 8) {
        const size_t plain = plain_bytes(p_);
        p_ += plain;
        if (plain < 8) break;
      }
      if (at_end()) return false;
      auto c = static_cast<unsigned char>(*p_++);
      if (c == '"') return true;
      if (c < 0x20) return false;
      if (c == '\\' && !take_escapes()) return false;
    }
    return false;
  }

 private:
  // Behind a backslash. Writers that keep to ASCII escape whole passages, so the next one mostly follows at
  // once.
  bool take_escapes() {
    do {
      if (!take_escape()) return false;
    } while (take('\\'));
    return true;
  }
  bool take_escape() {
    if (at_end()) return false;
    const char c = *p_++;
    if (c != 'u') return is_one_of(kShortEscape, c);
    if (end_ - p_ < 4) return false;
    // All four are looked at, whatever the first is: nothing to guess for the processor.
    int digits = 0;
    for (int i = 0; i < 4; ++i) digits += is_one_of(kHexDigit, p_[i]) ? 1 : 0;
    p_ += 4;
    return digits == 4;
  }

  const char* p_;
  const char* end_;
};

bool take_scalar(Cursor& in) {
  switch (in.peek()) {
    case '"':
      return in.take_string();
    case 't':
      return in.take_word("true");
    case 'f':
      return in.take_word("false");
    case 'n':
      return in.take_word("null");
    default:
      return in.take_number();
  }
}

bool take_member_name(Cursor& in) {
  in.skip_space();
  if (!in.take_string()) return false;
  in.skip_space();
  return in.take(':');
}

// Without recursion: `open` holds the closing bracket of each container we are in.
bool take_document(Cursor& in) {
  std::vector<char> open;
  while (true) {
    in.skip_space();
    bool object = in.take('{');
    if (object || in.take('[')) {
      if (open.size() >= static_cast<size_t>(kDeepestJson)) return false;
      char close = object ? '}' : ']';
      in.skip_space();
      if (!in.take(close)) {
        open.push_back(close);
        if (object && !take_member_name(in)) return false;
        continue;
      }
    } else if (!take_scalar(in)) {
      return false;
    }
    while (true) {  // after a value
      in.skip_space();
      if (open.empty()) return true;
      if (in.take(',')) {
        if (open.back() == '}' && !take_member_name(in)) return false;
        break;
      }
      if (!in.take(open.back())) return false;
      open.pop_back();
    }
  }
}

}  // namespace

bool is_postgres_json(std::string_view text) {
  if (!is_postgres_text(text)) return false;
  Cursor in(text);
  return take_document(in) && in.at_end();
}

NumberLiteral number_literal(std::string_view text) {
  Cursor in(text);
  if (!in.take_number() || !in.at_end()) return NumberLiteral::kNone;
  if (text.find_first_of(".eE") != std::string_view::npos) return NumberLiteral::kReal;
  if (text == "-0") return NumberLiteral::kNone;
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? NumberLiteral::kInteger
                                                                  : NumberLiteral::kNone;
}

}  // namespace syncnode::codec
