// Row keys: the class-tagged byte encoding of a row's identity (docs/FORMATS.md, "Row keys"). Two rows of one
// snapshot never share one. At most kLongestKey bytes: longer encodings are replaced by their SHA-256.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/value.h"

namespace syncnode::codec {

inline constexpr size_t kLongestKey = 512;

void append_key_value(std::string& key, const ValueView& value);

// A key column of a rowid table may hold NULL, which identifies nothing: the rowid is added then.
void append_key_rowid(std::string& key, int64_t rowid);

// Replaces `key` by 0xFF + SHA-256 when it is too long.
void bound_key(std::string& key);

// The values again, borrowed from `key`; nothing for a bounded key or one with a rowid (no plain column fits
// those).
std::optional<std::vector<ValueView>> key_values(std::string_view key);

// For tables without identity: `content` = encoded non-NULL values with their column ids, `ordinal` numbers
// equal rows.
void append_content_value(std::string& content, uint32_t column_id, const ValueView& value);
inline constexpr size_t kContentDigest = 16;  // bytes
std::string content_digest(std::string_view content);
std::string multiset_key(std::string_view digest, uint32_t ordinal);

}  // namespace syncnode::codec
