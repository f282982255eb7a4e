#include "config/env_file.h"

#include <fmt/format.h>

#include <optional>
#include <set>

namespace syncnode::config {
namespace {

constexpr std::string_view kNotBare = "'\"\\$`&;|<>()";

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool is_key(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  for (char c : text) {
    bool fits = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (!fits) return false;
  }
  return true;
}

std::string_view skip_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

// Where and what: the caller of a problem on this line.
struct Line {
  std::string_view file;
  int number;
  Problems& problems;

  std::nullopt_t refuse(std::string_view what, std::string_view cure) const {
    problems.add(fmt::format("{} line {} {}", file, number, what), std::string(cure));
    return std::nullopt;
  }
};

// Behind the value only blanks and a comment may stand; a '#' glued to a quote is part of a word in the
// shell.
bool ends_here(std::string_view rest) {
  auto tail = skip_blanks(rest);
  return tail.empty() || (tail.front() == '#' && tail.size() < rest.size());
}

std::optional<std::string> single_quoted(std::string_view text, const Line& line) {
  auto end = text.find('\'', 1);
  if (end == std::string_view::npos) return line.refuse("has an open quote", "close it on the same line");
  if (!ends_here(text.substr(end + 1))) {
    return line.refuse("has text behind the closing quote", "put the whole value into one pair of quotes");
  }
  return std::string(text.substr(1, end - 1));
}

std::optional<std::string> double_quoted(std::string_view text, const Line& line) {
  std::string value;
  for (size_t i = 1; i < text.size(); ++i) {
    char c = text[i];
    if (c == '"') {
      if (ends_here(text.substr(i + 1))) return value;
      return line.refuse("has text behind the closing quote", "put the whole value into one pair of quotes");
    }
    if (c == '$' || c == '`') {
      return line.refuse(fmt::format("has '{}' in double quotes, which a shell would expand", c),
                         "use single quotes");
    }
    if (c == '\\') {
      if (i + 1 == text.size()) break;
      c = text[++i];
      if (c != '"' && c != '\\' && c != '$' && c != '`') {
        return line.refuse(fmt::format("has '\\{}' in double quotes, which is read in different ways", c),
                           "use single quotes");
      }
    }
    value.push_back(c);
  }
  return line.refuse("has an open quote", "close it on the same line");
}

std::optional<std::string> bare(std::string_view text, const Line& line) {
  size_t end = 0;
  while (end < text.size() && !is_blank(text[end])) ++end;
  auto value = text.substr(0, end);
  auto bad = value.find_first_of(kNotBare);
  if (bad != std::string_view::npos) {
    return line.refuse(fmt::format("has '{}' in a bare value", value[bad]),
                       "put the value into single quotes");
  }
  if (!ends_here(text.substr(end)))
    return line.refuse("has a blank in a bare value", "put the value into quotes");
  return std::string(value);
}

std::optional<std::string> read_value(std::string_view text, const Line& line) {
  if (text.empty() || is_blank(text.front())) {
    if (ends_here(text)) return "";
    return line.refuse("has a blank behind '='", "write KEY=VALUE without blanks around '='");
  }
  if (text.front() == '\'') return single_quoted(text, line);
  if (text.front() == '"') return double_quoted(text, line);
  return bare(text, line);
}

std::optional<EnvEntry> read_line(std::string_view text, const Line& line) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t') {
      return c == '\r' ? line.refuse("ends as a Windows line does", "convert the file, e.g. with dos2unix")
                       : line.refuse("holds a control character", "remove it");
    }
  }
  auto content = skip_blanks(text);
  if (content.empty() || content.front() == '#') return std::nullopt;
  constexpr std::string_view kExport = "export ";
  if (content.substr(0, kExport.size()) == kExport) content = skip_blanks(content.substr(kExport.size()));
  auto equals = content.find('=');
  if (equals == std::string_view::npos || !is_key(content.substr(0, equals))) {
    return line.refuse("is not KEY=VALUE", "write KEY=VALUE, or begin the line with # to make it a comment");
  }
  auto value = read_value(content.substr(equals + 1), line);
  if (!value) return std::nullopt;
  return EnvEntry{std::string(content.substr(0, equals)), std::move(*value), line.number};
}

}  // namespace

std::vector<EnvEntry> parse_env(std::string_view text, std::string_view file_name, Problems& problems) {
  std::vector<EnvEntry> entries;
  std::set<std::string> seen;
  int number = 0;
  while (!text.empty()) {
    auto end = text.find('\n');
    Line line{file_name, ++number, problems};
    auto entry = read_line(text.substr(0, end), line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!entry) continue;
    if (!seen.insert(entry->key).second) {
      line.refuse(fmt::format("sets {} again", entry->key), "keep one of the lines");
      continue;
    }
    entries.push_back(std::move(*entry));
  }
  return entries;
}

}  // namespace syncnode::config
