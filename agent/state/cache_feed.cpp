#include "state/cache_feed.h"

#include <utility>

#include "sql/queries.h"

namespace syncnode::state {
namespace {

using postgres::Param;

// Both are decimal numbers of PostgreSQL without leading zeros.
bool less(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

}  // namespace

CacheFeed::CacheFeed(std::string cluster_name, StateCache& cache)
    : cluster_name_(std::move(cluster_name)), cache_(cache) {}

Result<int> CacheFeed::poll(postgres::Connection& connection, Deadline deadline) {
  SN_ASSIGN(const postgres::Rows rows,
            connection.query(
                sql::cache_events_since,
                {Param::text(cluster_name_), position_.empty() ? Param::null() : Param::text(position_)},
                deadline));
  const std::string_view now = rows.text(0, 0);
  if (position_.empty() || less(now, position_)) cache_.invalidate_all();
  int invalidated = 0;
  for (int row = 0; row < rows.count(); ++row) {
    if (rows.is_null(row, 1)) continue;
    cache_.invalidate(rows.text(row, 1));
    ++invalidated;
  }
  position_ = now;
  return invalidated;
}

}  // namespace syncnode::state
