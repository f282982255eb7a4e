// Deep equality of JSON values, and a hash that agrees with it. The order of an object's members does not
// count, that of an array's elements does. Numbers are equal when they are of one kind and one value: 1 is
// not 1.0, since the application stored them differently. Refuses to recurse: any nesting is safe. Linear in
// the values' size. Pure.
#pragma once

#include <string_view>

#include "json/json.h"

namespace syncnode::conflict {

using json::Json;

bool same_json(const Json& left, const Json& right);
// nullptr is "not there", and equals nothing else.
bool same_json(const Json* left, const Json* right);

// Values nested deeper than 64 levels do not count in it.
size_t json_hash(const Json& value);

// For hash tables whose keys are borrowed values.
struct JsonHash {
  size_t operator()(const Json* value) const { return json_hash(*value); }
};
struct JsonSame {
  bool operator()(const Json* left, const Json* right) const { return same_json(*left, *right); }
};

// nullptr when `object` is none or has no such member.
const Json* member_of(const Json* object, std::string_view name);

}  // namespace syncnode::conflict
