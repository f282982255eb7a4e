// JSON objects and arrays that an application keeps in a text column. Pure.
#pragma once

#include <optional>

#include "json/json.h"

namespace syncnode::conflict {

// Nothing when `value` is not there, is no text, or the text is not an object or an array.
std::optional<json::Json> structure_in(const json::Json* value);

}  // namespace syncnode::conflict
