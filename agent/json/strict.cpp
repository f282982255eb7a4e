#include "json/strict.h"

#include <fmt/format.h>

#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace syncnode::json {
namespace {

// Receives the parser's events and builds the document. Members are appended without a search (the library's
// ordered map looks through all of them), so a body of many members costs no more than its length.
class Builder {
 public:
  Builder(std::string_view text, int deepest) : text_(text), deepest_(deepest) {}

  bool null() { return put(nullptr); }
  bool boolean(bool value) { return put(value); }
  bool number_integer(Json::number_integer_t value) { return put(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return put(value); }
  bool number_float(Json::number_float_t value, const Json::string_t& /*text*/) { return put(value); }
  bool string(Json::string_t& value) { return put(std::move(value)); }
  bool binary(Json::binary_t& /*value*/) { return false; }
  bool start_object(size_t /*elements*/) { return open(Json::object()); }
  bool start_array(size_t /*elements*/) { return open(Json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(Json::string_t& name) {
    Level& level = levels_.back();
    level.name = std::move(name);
    if (level.names.insert(level.name).second) return true;
    return refuse(fmt::format("'{}' is given twice", path()), "give it once");
  }

  bool parse_error(size_t /*position*/, const std::string& /*token*/, const Json::exception& /*error*/) {
    auto plain = parse(text_);  // for the line and the column
    error_ = plain ? Error{ErrorCode::kInvalidArgument, "not valid JSON", ""} : std::move(plain).error();
    return false;
  }

  Result<Json> take() && {
    if (error_) return *std::move(error_);
    return std::move(document_);
  }

 private:
  struct Level {
    Json value;
    std::string name;  // of the member at hand
    std::unordered_set<std::string> names;
  };

  bool open(Json container) {
    if (levels_.size() >= static_cast<size_t>(deepest_)) {
      return refuse(fmt::format("'{}' is nested deeper than {} levels", path().substr(0, 100), deepest_),
                    "send a flatter document");
    }
    levels_.push_back({std::move(container), {}, {}});
    return true;
  }

  bool close() {
    Json done = std::move(levels_.back().value);
    levels_.pop_back();
    return put(std::move(done));
  }

  bool put(Json value) {
    if (levels_.empty()) {
      document_ = std::move(value);
    } else if (Level& level = levels_.back(); level.value.is_array()) {
      level.value.get_ref<Json::array_t&>().push_back(std::move(value));
    } else {
      level.value.get_ref<Json::object_t&>().emplace_back(level.name, std::move(value));
    }
    return true;
  }

  bool refuse(std::string message, std::string hint) {
    error_ = Error{ErrorCode::kInvalidArgument, std::move(message), std::move(hint)};
    return false;
  }

  std::string path() const {
    std::string out;
    for (const Level& level : levels_) {
      if (level.value.is_array()) {
        out += fmt::format("[{}]", level.value.size());
      } else {
        out += (out.empty() ? "" : ".") + level.name;
      }
    }
    return out;
  }

  const std::string_view text_;
  const int deepest_;
  std::vector<Level> levels_;
  Json document_;
  std::optional<Error> error_;
};

constexpr std::string_view kBlanks = " \t\r\n";

size_t skip_blanks(std::string_view text, size_t at) {
  return std::min(text.find_first_not_of(kBlanks, at), text.size());
}

size_t end_of_string(std::string_view text, size_t at) {
  for (++at; text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at + 1;
}

}  // namespace

Result<Json> parse_strict(std::string_view text, int deepest) {
  Builder builder(text, deepest);
  try {
    Json::sax_parse(text.begin(), text.end(), &builder);
  } catch (const Json::exception&) {
    return Error{ErrorCode::kInvalidArgument, "not valid JSON", ""};
  }
  return std::move(builder).take();
}

size_t end_of_value(std::string_view text, size_t at) {
  if (text[at] == '"') return end_of_string(text, at);
  if (text[at] != '{' && text[at] != '[') {
    return std::min(text.find_first_of(",}] \t\r\n", at), text.size());
  }
  int depth = 0;
  do {
    if (text[at] == '"') {
      at = end_of_string(text, at);
      continue;
    }
    if (text[at] == '{' || text[at] == '[') ++depth;
    if (text[at] == '}' || text[at] == ']') --depth;
    ++at;
  } while (depth > 0);
  return at;
}

std::string_view member_text(std::string_view object, std::string_view name) {
  size_t at = skip_blanks(object, object.find('{') + 1);
  while (at < object.size() && object[at] == '"') {
    const size_t name_end = end_of_string(object, at);
    const auto member = parse(object.substr(at, name_end - at));
    at = skip_blanks(object, object.find(':', name_end) + 1);
    const size_t end = end_of_value(object, at);
    if (member && member->get_ref<const std::string&>() == name) return object.substr(at, end - at);
    at = skip_blanks(object, end);
    if (object[at] == ',') at = skip_blanks(object, at + 1);
  }
  return {};
}

}  // namespace syncnode::json
