#include "postgres/fill.h"

#include <fmt/format.h>

#include <vector>

namespace syncnode::postgres {
namespace {

// The name of the place that begins at `at` (which holds '{'); "" when it is just a brace.
std::string_view place_name(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && ((text[end] >= 'a' && text[end] <= 'z') || text[end] == '_')) ++end;
  if (end == at + 1 || end >= text.size() || text[end] != '}') return {};
  return text.substr(at + 1, end - at - 1);
}

}  // namespace

Result<std::string> fill(std::string_view query_template, std::initializer_list<Place> places) {
  std::vector<bool> used(places.size(), false);
  std::string filled;
  for (size_t at = 0; at < query_template.size();) {
    const std::string_view name =
        query_template[at] == '{' ? place_name(query_template, at) : std::string_view();
    if (name.empty()) {
      filled += query_template[at++];
      continue;
    }
    size_t index = 0;
    while (index < places.size() && places.begin()[index].name != name) ++index;
    if (index == places.size()) {
      return Error{ErrorCode::kInternal,
                   fmt::format("query template has a place '{}' that was given no value", name), ""};
    }
    used[index] = true;
    filled += places.begin()[index].value;
    at += name.size() + 2;
  }
  for (size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) {
      return Error{ErrorCode::kInternal,
                   fmt::format("query template has no place '{}'", places.begin()[i].name), ""};
    }
  }
  return filled;
}

}  // namespace syncnode::postgres
