// What may be a key and a value, said before the database is asked. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/result.h"

namespace syncnode::state {

inline constexpr std::string_view kDeploymentPrefix = "deployment.";
inline constexpr size_t kMaxKeyBytes = 200;
inline constexpr size_t kMaxValueBytes = size_t{1} << 20;
inline constexpr int kMaxDepth = 64;  // of arrays and objects in each other

// kInvalidArgument: empty, too long, not UTF-8, control characters.
Status check_key(std::string_view key);
// kInvalidArgument, with line and column for what is not JSON.
Status check_value(std::string_view key, std::string_view value);

// "acme" of "deployment.acme"; nothing for other keys.
std::optional<std::string_view> deployment_client(std::string_view key);

// The errors every store gives in the same words.
Error not_found(std::string_view key);
Error version_differs(std::string_view key, int64_t stored, int64_t wanted);  // 0: absent

}  // namespace syncnode::state
