#include "http/target.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hex.h"

namespace syncnode::http {
namespace {

constexpr size_t kLongestName = 200;
constexpr size_t kMostParameters = 20;
constexpr std::string_view kLettersAndDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

Error bad_target(std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message), ""};
}

bool is_letter_or_digit(char letter) {
  return kLettersAndDigits.find(letter) != std::string_view::npos;
}

bool is_name_character(char letter) {
  return is_letter_or_digit(letter) || letter == '.' || letter == '_' || letter == ':' || letter == '-';
}

Status parse_parameters(std::string_view query, Target& target) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    auto name = percent_decode(pair.substr(0, equals));
    auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value) return bad_target("the query has a bad percent-escape");
    const auto same = [&](const auto& other) { return other.first == *name; };
    if (std::any_of(target.parameters.begin(), target.parameters.end(), same)) {
      return bad_target(fmt::format("parameter '{}' is given twice", *name));
    }
    if (target.parameters.size() == kMostParameters) return bad_target("the query has too many parameters");
    target.parameters.emplace_back(*std::move(name), *std::move(value));
  }
  return {};
}

std::string_view take_segment(std::string_view& path) {
  const size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

}  // namespace

std::string_view Target::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return {};
}

Result<Target> parse_target(std::string_view text) {
  Target target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    const size_t slash = std::min(text.find('/'), text.size());
    target.authority = text.substr(0, slash);
    text.remove_prefix(slash);
    break;
  }
  if (!text.starts_with('/')) return bad_target("the request target is no path");
  const bool printable = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!printable || text.find('#') != std::string_view::npos) {
    return bad_target("the request target has a character that must be percent-encoded");
  }
  const size_t question = std::min(text.find('?'), text.size());
  target.path = text.substr(0, question);
  SN_TRY(parse_parameters(text.substr(std::min(question + 1, text.size())), target));
  return target;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out.push_back(text[at]);
      continue;
    }
    const auto byte = from_hex(text.substr(at + 1, 2));
    if (!byte || byte->size() != 1 || byte->front() == '\0') return std::nullopt;
    out += *byte;
    at += 2;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    if (is_letter_or_digit(letter) || std::string_view("-._~").find(letter) != std::string_view::npos) {
      out.push_back(letter);
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(letter));
    }
  }
  return out;
}

Result<std::string> decode_name(std::string_view segment) {
  auto name = percent_decode(segment);
  const bool fits = name && !name->empty() && name->size() <= kLongestName && *name != "." && *name != ".." &&
                    std::all_of(name->begin(), name->end(), is_name_character);
  if (fits) return *std::move(name);
  return Error{ErrorCode::kInvalidArgument, "the name in the path is not a valid one",
               "a name has 1 to 200 letters, digits, '.', '_', ':' or '-'"};
}

bool matches(std::string_view pattern, std::string_view path, std::vector<std::string>& captures) {
  captures.clear();
  while (!pattern.empty() && !path.empty()) {
    pattern.remove_prefix(1);  // both stand on a '/'
    path.remove_prefix(1);
    if (pattern.starts_with('{') && pattern.ends_with("*}")) {
      captures.emplace_back(path);
      return true;
    }
    const std::string_view wanted = take_segment(pattern);
    const std::string_view given = take_segment(path);
    if (wanted.starts_with('{')) {
      captures.emplace_back(given);
    } else if (wanted != given) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

}  // namespace syncnode::http
