// How numbers, times, sizes and foreign names are written for people. Names come from clients' databases and
// may hold anything: whatever a terminal would obey is shown as an escape. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace syncnode::cli {

std::string printable(std::string_view foreign);         // control characters and broken UTF-8 as \xNN
std::string count_text(int64_t count);                   // "1,234,567"
std::string bytes_text(uint64_t bytes);                  // "45.2 MB", powers of 1000
std::string seconds_text(double seconds);                // "0.42 s", "12.3 s", "4 min 05 s", "2 h 10 min"
std::string span_text(double seconds);                   // "42 s", "5 min", "7 h", "3 days"
std::string interval_text(int64_t seconds);              // "every 300 s"; 0: "live"
std::string age_text(double seconds);                    // "now", "42 s ago", "5 min ago", "3 days ago"
size_t display_width(std::string_view text);             // columns on a terminal
std::string fit(std::string_view text, size_t columns);  // cut in its middle with "…" when wider

}  // namespace syncnode::cli
