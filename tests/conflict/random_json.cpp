#include "random_json.h"

#include <iterator>

namespace syncnode::conflict {

// Names that mean something to the merge are among them.
std::string RandomJson::name() {
  static const char* const kNames[] = {
      "id", "timestamp", "created_at", "messages", "history", "childrenIds", "parentId", "currentId",
      "a",  "b",         "",           "c.d",      "é",       "m1",          "m2"};
  return kNames[below(static_cast<int>(std::size(kNames)))];
}

Json RandomJson::leaf() {
  switch (below(9)) {
    case 0:
      return nullptr;
    case 1:
      return below(2) == 0;
    case 2:
      return below(4);
    case 3:
      return -below(4);
    case 4:
      return below(8) / 4.0;
    case 5:
      return 1712345678 + below(5);
    case 6:
      return 1712345678000 + below(5000);
    case 7:
      return "2024-04-05T19:34:0" + std::to_string(below(10));
    default:
      return name();
  }
}

Json RandomJson::value(int levels) {
  if (levels == 0 || below(4) == 0) return leaf();
  Json out = below(2) == 0 ? Json::object() : Json::array();
  const int count = below(5);
  for (int i = 0; i < count; ++i) {
    if (out.is_object()) {
      out[name()] = value(levels - 1);
    } else {
      out.push_back(value(levels - 1));
    }
  }
  return out;
}

Json RandomJson::changed(const Json& value) {
  if (!value.is_structured()) return below(2) == 0 ? leaf() : value;
  Json out = value.is_object() ? Json::object() : Json::array();
  const auto put = [&](const std::string& member, Json item) {
    if (out.is_object()) {
      out[member] = std::move(item);
    } else {
      out.push_back(std::move(item));
    }
  };
  for (const auto& [member, item] : value.items()) {
    const int what = below(8);
    if (what == 0) continue;
    put(member, what <= 2 ? changed(item) : item);
  }
  if (below(2) == 0) put(name(), this->value(2));
  return out;
}

}  // namespace syncnode::conflict
