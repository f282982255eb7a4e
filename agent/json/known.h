// What is not known is null in a document, never 0 and never "". Plain functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "json/json.h"

namespace syncnode::json {

template <typename T>
Json known(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
inline Json known(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}
// A JSON text as what it says.
inline Json known_document(const std::string& text) {
  auto document = parse(text);
  return document ? std::move(*document) : Json(nullptr);
}
// The first term has epoch 1.
inline Json known_epoch(int64_t epoch) {
  return epoch > 0 ? Json(epoch) : Json(nullptr);
}

}  // namespace syncnode::json
