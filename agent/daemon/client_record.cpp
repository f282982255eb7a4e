#include "daemon/client_record.h"

#include <sys/stat.h>

#include <algorithm>

namespace syncnode::daemon {
namespace {

using WallClock = std::chrono::system_clock;

std::optional<WallClock::time_point> modified(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  const auto since =
      std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec);
  return WallClock::time_point(std::chrono::duration_cast<WallClock::duration>(since));
}

}  // namespace

std::optional<WallClock::time_point> last_written(const std::string& sqlite_path) {
  const auto main = modified(sqlite_path);
  const auto log = modified(sqlite_path + "-wal");
  return main && log ? std::max(main, log) : (main ? main : log);
}

void ClientRecord::ended(JobKind kind, const JobEnd& end, WallClock::time_point as_of) {
  if (end.done()) {
    last_status = end.sync->held() ? "held" : end.sync->waits() ? "conflicts" : "success";
    if (!end.differs()) current_as_of = as_of;
  } else if (kind != JobKind::kVerify) {
    last_status = status_of(end);
  }
}

bool ClientRecord::is_behind() const {
  const auto written = last_written(sqlite_path);
  return current_as_of && written && *written > *current_as_of;
}

control::ClientFacts ClientRecord::facts(const std::string& name, WallClock::time_point now) const {
  control::ClientFacts facts;
  facts.name = name;
  facts.failing = last_status == "failed" || last_status == "fenced";
  facts.starved = last_status == "starved";
  facts.held = last_status == "held";
  if (!current_as_of) return facts;
  facts.checked_seconds = std::max(0.0, std::chrono::duration<double>(now - *current_as_of).count());
  if (!last_written(sqlite_path)) return facts;
  // What is not in the copy yet was committed after `current_as_of`, so it waits no longer than this.
  facts.lag_seconds =
      is_behind() ? std::max(0.0, std::chrono::duration<double>(now - *current_as_of).count()) : 0.0;
  return facts;
}

}  // namespace syncnode::daemon
