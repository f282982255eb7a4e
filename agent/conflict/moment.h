// Moment: a time as a row gives it, whatever its unit, and which of two rows is newer. Applications mix units
// even between columns of one name, so the unit is read from each value. Refuses to read a clock: now comes
// from the caller. Plain values, any thread.
//
// A number (integer, real, or text of digits) is, by its size:
//   below 10^11: seconds; below 10^14: milliseconds; below 10^17: microseconds; else nanoseconds
// (10^11 s is the year 5138, 10^11 ms is 1973). Zero and less is no time: applications write 0 for "never".
// Text in ISO 8601 form is a time too: 2024-04-05, 2024-04-05T10:20, 2024-04-05 10:20:30.123456+02:00;
// without a zone it is UTC, as SQLite's CURRENT_TIMESTAMP is. Everything else is no time.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "json/json.h"

namespace syncnode::conflict {

using json::Json;
using Instant = std::chrono::sys_time<std::chrono::nanoseconds>;

struct Moment {
  Instant at;                        // the year 2262 at most
  std::chrono::nanoseconds granule;  // what its form can tell apart: 1 s for whole seconds
  std::string_view unit;             // "seconds", "milliseconds", "microseconds", "nanoseconds", "ISO 8601"
};

// `value` may be nullptr: a column that the row does not have.
std::optional<Moment> read_moment(const Json* value);

// A time this far ahead of now was not written by a clock that can be believed.
inline constexpr std::chrono::hours kBelievedAhead{24};

enum class Newer { kSource, kTarget, kTie, kUnknown };

struct Comparison {
  Newer newer = Newer::kUnknown;  // kUnknown: neither side has a time
  std::string reason;             // "source 1712345678 (seconds) is newer than target 1712345600 (seconds)"
};

// The written rule (docs/CONFLICTS.md): of two times the later one is newer, compared at the coarser of the
// two granules, within which they tie. A side without a believable time is older than one with it.
Comparison compare_times(const Json* source, const Json* target, Instant now);

// The same for one side of a row against what the row was: is it later than `base` for certain? False
// without a time on either.
bool is_later_than_base(const Json* value, const Json* base, Instant now);

}  // namespace syncnode::conflict
