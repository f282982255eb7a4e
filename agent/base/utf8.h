// UTF-8 as PostgreSQL 15 accepts it in a UTF-8 database: shortest forms, no surrogates, nothing above
// U+10FFFF, no NUL. A text that fails is_postgres_text() would be refused by the server. Any thread.
#pragma once

#include <string_view>

namespace syncnode {

bool is_postgres_text(std::string_view bytes);

// The longest prefix of at most `limit` bytes that does not cut a character. `text` must be valid.
std::string_view utf8_prefix(std::string_view text, size_t limit);

}  // namespace syncnode
