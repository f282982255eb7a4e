// The few SELECTs that are asked of a client's tables: generated, since only the file knows its columns.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncnode::sqlite {

// Every row, in no particular order.
std::string select_query(const std::vector<std::string>& columns, std::string_view table);
enum class RowidPart { kAll, kAbove, kBetween };  // above ?1; from ?1 to ?2, both included
// `rowid` (a name that no column hides) first, then the columns, in the order of rowids.
std::string rowid_scan_query(std::string_view rowid, const std::vector<std::string>& columns,
                             std::string_view table, RowidPart part);
std::string rowid_point_query(std::string_view rowid, const std::vector<std::string>& columns,
                              std::string_view table);

// One row: how many rows, at most `limit`.
std::string count_query(std::string_view table, int64_t limit);

// One row: count, then per column how many values are integer 0 or 1, integer, real, text, blob (as doubles).
// typeof() needs only a record's header, so a sample of large rows costs little.
// But for integers behind a long value, which are looked for at its end.
inline constexpr int kCensusCounts = 5;
struct CensusPart {
  std::optional<int64_t> rows;  // at most so many; nothing: all
  std::optional<int64_t> last;  // those up to this rowid
  std::string rowid;            // by this name
};
std::string census_query(const std::vector<std::string>& columns, std::string_view table,
                         const CensusPart& part);

}  // namespace syncnode::sqlite
