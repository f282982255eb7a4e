// Fills the places of a query template: "{table}" becomes the value given for "table". Refuses to quote:
// values are identifiers already quoted, or generated lists; data always travels as parameters. Pure, any
// thread.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace syncnode::postgres {

struct Place {
  std::string_view name;
  std::string_view value;
};

// kInternal when the template has a place without a value or a value has no place. A place is
// {lower_case_name}; other braces (JSON in a literal, array literals) are text.
Result<std::string> fill(std::string_view query_template, std::initializer_list<Place> places);

}  // namespace syncnode::postgres
