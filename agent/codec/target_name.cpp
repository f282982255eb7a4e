#include "codec/target_name.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/hex.h"
#include "base/utf8.h"
#include "codec/sha256.h"

namespace syncnode::codec {
namespace {

constexpr size_t kLongestName = 63;  // NAMEDATALEN - 1
constexpr size_t kSuffixDigits = 12;
constexpr std::array<std::string_view, 6> kSystemColumns = {"tableoid", "xmin", "cmin",
                                                            "xmax",     "cmax", "ctid"};

bool reserved(std::string_view name) {
  std::string lower(name.substr(0, 6));
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower == "_sync_";
}

bool usable(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && is_postgres_text(name) && !reserved(name);
}

// A readable start and a digest of the whole: never equal for two source names. "renamed_" keeps it out of
// "_sync_".
std::string replacement(std::string_view name) {
  std::string digest = to_hex(sha256(name)).substr(0, kSuffixDigits);
  std::string_view start = is_postgres_text(name) ? utf8_prefix(name, 40) : std::string_view("name");
  return "renamed_" + std::string(start) + "_" + digest;
}

}  // namespace

std::string target_table_name(std::string_view name) {
  return usable(name) ? std::string(name) : replacement(name);
}

std::string target_column_name(std::string_view name) {
  bool system = std::find(kSystemColumns.begin(), kSystemColumns.end(), name) != kSystemColumns.end();
  return usable(name) && !system ? std::string(name) : replacement(name);
}

}  // namespace syncnode::codec
