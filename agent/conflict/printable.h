// Text of rows made fit to be shown to a person: what could move a cursor, turn writing round or end a line
// is written as an escape, and columns are counted as a terminal shows them. Refuses nothing: bytes that are
// no UTF-8 are shown as U+FFFD. Pure.
#pragma once

#include <string>
#include <string_view>

namespace syncnode::conflict {

// "\n" as \n, other control, format and bidirectional characters as \u202e.
std::string printable(std::string_view text);

// Of printable text: an ideograph or an emoji takes two columns.
size_t columns_of(std::string_view text);

// At most `columns` columns, with "…" at the end when something was cut.
std::string cut_to(std::string_view text, size_t columns);

// The same beginning at byte `from`, moved back a little so that what comes before can be read too; "…" at
// both ends where something was cut.
std::string cut_around(std::string_view text, size_t from, size_t columns);

}  // namespace syncnode::conflict
