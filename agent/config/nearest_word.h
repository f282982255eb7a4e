// The word a mistyped one was probably meant to be. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace syncnode::config {

// "" when nothing is close: more than a third of the letters would have to change. Case does not count.
std::string nearest_word(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace syncnode::config
