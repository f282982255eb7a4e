#include "conflict/strict_object.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "config/nearest_word.h"

namespace syncnode::conflict {
namespace {

std::string shown(const Json& value) {
  std::string text = json::to_text(value);
  return text.size() <= 60 ? text : std::string(value.type_name());
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  const std::string nearest = config::nearest_word(word, known);
  return nearest.empty() ? "" : fmt::format("did you mean '{}'? ", nearest);
}

}  // namespace

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

StrictObject::StrictObject(const Json& value, std::string path, config::Problems& problems)
    : object_(&value), path_(std::move(path)), problems_(problems) {
  static const Json kNothing = Json::object();
  if (value.is_object()) return;
  refuse(path_, fmt::format("is {} and not an object", shown(value)), "write members between { and }");
  object_ = &kNothing;
}

void StrictObject::allow_only(std::initializer_list<std::string_view> names) {
  const std::vector<std::string> known(names.begin(), names.end());
  for (const auto& [name, value] : object_->items()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    refuse(path_of(name), "unknown key",
           fmt::format("{}known here: {}", did_you_mean(name, known), fmt::join(known, ", ")));
  }
}

const Json* StrictObject::member(std::string_view name) const {
  const auto found = object_->find(name);
  return found == object_->end() ? nullptr : &*found;
}

std::string StrictObject::path_of(std::string_view name) const {
  const std::string_view shown_name = name.empty() ? "''" : name;
  return path_.empty() ? std::string(shown_name) : fmt::format("{}.{}", path_, shown_name);
}

std::optional<bool> StrictObject::boolean(std::string_view name) {
  const Json* value = member(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  refuse(path_of(name), fmt::format("is {}", shown(*value)), "write true or false, without quotes");
  return std::nullopt;
}

std::optional<int64_t> StrictObject::whole_number(std::string_view name, int64_t least, int64_t most) {
  const Json* value = member(name);
  if (value == nullptr) return std::nullopt;
  const bool fits = value->is_number_integer() &&
                    !(value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(most)) &&
                    value->get<int64_t>() >= least && value->get<int64_t>() <= most;
  if (fits) return value->get<int64_t>();
  refuse(path_of(name), fmt::format("is {}", shown(*value)),
         fmt::format("write a whole number from {} to {}", least, most));
  return std::nullopt;
}

std::optional<std::string> StrictObject::name_text(std::string_view name) {
  const Json* value = member(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_string() && !is_blank(value->get_ref<const std::string&>())) return value->get<std::string>();
  refuse(path_of(name), fmt::format("is {}", shown(*value)), "write a name, or leave the key out");
  return std::nullopt;
}

std::optional<std::vector<std::string>> StrictObject::names(std::string_view name) {
  const Json* value = member(name);
  if (value == nullptr) return std::nullopt;
  const std::string path = path_of(name);
  if (!value->is_array() || value->empty()) {
    refuse(path, fmt::format("is {}", shown(*value)), "write a list of names, or leave the key out");
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (size_t i = 0; i < value->size(); ++i) {
    const Json& item = (*value)[i];
    const std::string item_path = fmt::format("{}[{}]", path, i);
    if (!item.is_string() || is_blank(item.get_ref<const std::string&>())) {
      refuse(item_path, fmt::format("is {}", shown(item)), "write a name, or remove it from the list");
    } else if (std::find(out.begin(), out.end(), item.get_ref<const std::string&>()) != out.end()) {
      refuse(item_path, fmt::format("gives {} again", shown(item)), "name it once");
    } else {
      out.push_back(item.get<std::string>());
    }
  }
  return out;
}

void StrictObject::refuse(const std::string& path, std::string_view what, std::string cure) {
  problems_.add(fmt::format("{}: {}", path.empty() ? "the document" : path, what), std::move(cure));
}

void StrictObject::refuse_word(const Json& value, const std::string& path,
                               const std::vector<std::string>& known) {
  const std::string nearest = value.is_string() ? did_you_mean(value.get<std::string>(), known) : "";
  refuse(path, fmt::format("is {}", shown(value)),
         fmt::format("{}use one of {}", nearest, fmt::join(known, ", ")));
}

}  // namespace syncnode::conflict
