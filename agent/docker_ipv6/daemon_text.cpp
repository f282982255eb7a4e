#include "docker_ipv6/daemon_text.h"

#include <algorithm>

#include "json/strict.h"

namespace syncnode::docker_ipv6 {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::string_view kEmptyObject = "{\n}\n";

// Positions in the text of one member of the outermost object.
struct Span {
  std::string name;
  size_t key_begin, key_end, value_begin, value_end;
};

bool is_blank(std::string_view text) {
  return text.find_first_not_of(kBlanks) == std::string_view::npos;
}

size_t skip_blanks(std::string_view text, size_t at) {
  return std::min(text.find_first_not_of(kBlanks, at), text.size());
}

// `text` has passed read_document() and is not blank.
std::vector<Span> members_of(std::string_view text) {
  std::vector<Span> found;
  size_t at = skip_blanks(text, text.find('{') + 1);
  while (text[at] == '"') {
    Span span{};
    span.key_begin = at;
    span.key_end = json::end_of_value(text, at);
    if (auto name = json::parse(text.substr(at, span.key_end - at))) span.name = name->get<std::string>();
    span.value_begin = skip_blanks(text, text.find(':', span.key_end) + 1);
    span.value_end = json::end_of_value(text, span.value_begin);
    at = skip_blanks(text, span.value_end);
    found.push_back(std::move(span));
    if (text[at] == ',') at = skip_blanks(text, at + 1);
  }
  return found;
}

// What stands before the key of a member.
std::string_view lead_of(std::string_view text, const std::vector<Span>& members, size_t number) {
  const size_t begin = number == 0 ? text.find('{') + 1 : text.find(',', members[number - 1].value_end) + 1;
  return text.substr(begin, members[number].key_begin - begin);
}

// A further member, written as the last one is.
std::string written_like_the_last(std::string_view text, const std::vector<Span>& members,
                                  const Change& change) {
  const Span& last = members.back();
  const std::string_view colon = text.substr(last.key_end, last.value_begin - last.key_end);
  std::string_view lead = lead_of(text, members, members.size() - 1);
  const bool one_line = lead.find('\n') == std::string_view::npos;
  // `{"a": 1}` and `{ "a": 1 }` alike: the blank inside of the brace says nothing about the one after a
  // comma.
  if (members.size() == 1 && one_line) lead = colon.back() == ':' ? "" : " ";
  return ',' + std::string(lead) + '"' + change.key + '"' + std::string(colon) + change.after;
}

std::string set_member(std::string text, const Change& change) {
  const auto members = members_of(text);
  const auto found = std::ranges::find(members, change.key, &Span::name);
  if (found != members.end()) {
    return text.replace(found->value_begin, found->value_end - found->value_begin, change.after);
  }
  if (!members.empty()) {
    return text.insert(members.back().value_end, written_like_the_last(text, members, change));
  }
  const size_t inside = text.find('{') + 1;
  const size_t end = text.find('}', inside);
  std::string_view tail = std::string_view(text).substr(inside, end - inside);
  if (tail.find('\n') == std::string_view::npos) tail = "\n";
  return text.replace(inside, end - inside,
                      "\n    \"" + change.key + "\": " + change.after + std::string(tail));
}

std::string remove_member(std::string text, std::string_view key) {
  const auto members = members_of(text);
  const auto found = std::ranges::find(members, key, &Span::name);
  if (found == members.end()) return text;
  if (found != members.begin()) {
    const size_t begin = std::prev(found)->value_end;
    return text.erase(begin, found->value_end - begin);
  }
  if (members.size() > 1) return text.erase(found->key_begin, std::next(found)->key_begin - found->key_begin);
  const size_t inside = text.find('{') + 1;
  return text.erase(inside, found->value_end - inside);
}

bool same_value(const json::Json& document, const std::string& key, const std::string& value) {
  const auto member = document.find(key);
  const auto wanted = json::parse(value);
  return member != document.end() && wanted && *member == *wanted;
}

// The promise, checked before anything is written: what was not asked for is what it was.
bool only_these_differ(const json::Json& before, const json::Json& after,
                       const std::vector<Change>& changes) {
  auto is_ours = [&](const std::string& key) {
    return std::ranges::any_of(changes, [&](const Change& change) { return change.key == key; });
  };
  std::vector<std::pair<std::string, json::Json>> kept_before, kept_after;
  for (const auto& [key, value] : before.items()) {
    if (!is_ours(key)) kept_before.emplace_back(key, value);
  }
  for (const auto& [key, value] : after.items()) {
    if (!is_ours(key)) kept_after.emplace_back(key, value);
  }
  return kept_before == kept_after;
}

Result<std::string> checked(const json::Json& before, std::string text, const std::vector<Change>& changes) {
  const auto after = read_document(text);
  if (!after || !only_these_differ(before, *after, changes)) {
    return Error{ErrorCode::kInternal, "the changed daemon.json would not be what was asked for",
                 "nothing was written; change the file by hand, and please report this with the file"};
  }
  return text;
}

}  // namespace

Result<json::Json> read_document(std::string_view text) {
  if (is_blank(text)) return json::Json::object();
  auto document = json::parse_strict(text);
  if (!document) {
    return Error{ErrorCode::kFailedPrecondition, document.error().message,
                 "repair the file by hand; a file that cannot be read is never rewritten"};
  }
  if (!document->is_object()) {
    return Error{ErrorCode::kFailedPrecondition, "not a JSON object", "repair the file by hand"};
  }
  return document;
}

std::optional<std::string> value_text(std::string_view text, std::string_view key) {
  if (is_blank(text)) return std::nullopt;
  const std::string_view value = json::member_text(text, key);
  return value.empty() ? std::nullopt : std::optional<std::string>(value);
}

Result<std::string> apply_changes(std::string_view text, const std::vector<Change>& changes) {
  SN_ASSIGN(const auto before, read_document(text));
  std::string changed(is_blank(text) ? kEmptyObject : text);
  for (const Change& change : changes) changed = set_member(std::move(changed), change);
  return checked(before, std::move(changed), changes);
}

Result<Undone> undo_changes(std::string_view text, const std::vector<Change>& changes) {
  SN_ASSIGN(const auto document, read_document(text));
  Undone result{std::string(text), {}, {}};
  for (const Change& change : changes) {
    if (!same_value(document, change.key, change.after)) {
      result.left.push_back(change.key);
      continue;
    }
    result.text = change.before ? set_member(std::move(result.text), {change.key, {}, *change.before})
                                : remove_member(std::move(result.text), change.key);
    result.undone.push_back(change.key);
  }
  SN_ASSIGN(result.text, checked(document, std::move(result.text), changes));
  return result;
}

}  // namespace syncnode::docker_ipv6
