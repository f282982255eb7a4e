// The bearer token that opens everything but /health, /metrics and the cluster's status. It is a secret: it
// appears in no message of this folder. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace syncnode::http {

inline constexpr size_t kShortestToken = 32;

// Reads the token file. Refuses one that others may read, an empty or short one, and characters that cannot
// stand in a header, each with its cure.
Result<std::string> load_token(const std::string& path);
Status check_token(std::string_view token);

// Takes the same time wherever the two differ, and when nothing was given.
bool same_secret(std::string_view given, std::string_view expected);

}  // namespace syncnode::http
