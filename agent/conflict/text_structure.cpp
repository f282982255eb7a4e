#include "conflict/text_structure.h"

#include "json/strict.h"

namespace syncnode::conflict {

std::optional<json::Json> structure_in(const json::Json* value) {
  if (value == nullptr || !value->is_string()) return std::nullopt;
  const auto& text = value->get_ref<const std::string&>();
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || (text[first] != '{' && text[first] != '[')) return std::nullopt;
  auto parsed = json::parse_strict(text);
  if (!parsed) return std::nullopt;
  return std::move(*parsed);
}

}  // namespace syncnode::conflict
