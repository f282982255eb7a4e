// ISO 8601 text as databases write times: a date, optionally T or a blank and a time with minutes, seconds
// and a fraction, optionally a zone. Refuses week dates, ordinal dates and dates that do not exist. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace syncnode::conflict {

struct IsoTime {
  int64_t seconds = 0;                  // since 1970, UTC; a text without a zone is UTC
  int64_t nanoseconds = 0;              // of the second
  std::chrono::nanoseconds granule{0};  // a day, a minute, or what the digits of the fraction can say
};

std::optional<IsoTime> parse_iso_time(std::string_view text);

}  // namespace syncnode::conflict
