#include "sqlite/log_room.h"

#include <algorithm>
#include <optional>

#include "base/clock.h"
#include "sqlite/file_facts.h"

namespace syncnode::sqlite {
namespace {

constexpr std::chrono::microseconds kPause{300};

std::optional<LogHeaders::Committed> committed_now(const std::string& main_path) {
  const auto log = LogHeaders::open(main_path);
  return log ? log->committed() : std::nullopt;
}

}  // namespace

LogWriting::LogWriting(const std::string& main_path)
    : main_path_(main_path), begun_(committed_now(main_path)) {}

uint32_t LogWriting::frames() const {
  const auto last = committed_now(main_path_);
  if (!begun_ || !last) return 0;
  const bool same_log = begun_->salt1 == last->salt1 && begun_->salt2 == last->salt2;
  return same_log ? last->frames - std::min(begun_->frames, last->frames) : last->frames;
}

void wait_for_room(const std::string& main_path, const LogRoom& room) {
  const Deadline deadline = deadline_in(room.patience);
  const auto written = facts_of(main_path + "-wal");
  const auto silence = written ? quiet_for(*written) : std::chrono::nanoseconds(0);
  auto quiet = BootClock::now() + std::max(std::chrono::nanoseconds(0), room.quiet - silence);
  std::optional<uint32_t> last;
  while (true) {
    // The path is opened each time: what was opened may be removed and made anew meanwhile.
    const auto log = LogHeaders::open(main_path);
    const auto now = BootClock::now();
    if (!log || now >= deadline) return;
    if (const auto committed = log->committed()) {
      // A log that was copied back as a whole begins anew beside a reader of the main file alone.
      const bool full = committed->frames + room.frames > kUsualLog && committed->frames < kUnusualLog;
      if (!full || committed->backfilled >= committed->frames) return;
      if ((last && committed->frames != *last) || log->is_checkpointed()) quiet = deadline_in(room.quiet);
      last = committed->frames;
      if (now >= quiet) return;
    }
    pause_for(kPause);
  }
}

}  // namespace syncnode::sqlite
