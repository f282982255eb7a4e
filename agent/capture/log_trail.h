// LogTrail: which pages were written to a client's log, seen by looking at it now and then, also between
// runs: a log is begun anew when it was copied back, and what it held is gone for a snapshot. Takes no lock
// and keeps nothing open; frames are counted only as far as the wal-index says they are committed. Refuses to
// guess: where a frame may have come and gone between two looks the trail begins anew. Thread-safe: a
// follower looks, a run asks.
#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "capture/changed_pages.h"
#include "sqlite/log_headers.h"

namespace syncnode::capture {

class LogTrail final : public Trail {
 public:
  // `path`: of the main file, checked (host/source_path.h).
  explicit LogTrail(std::string path, size_t most_frames = size_t{1} << 18)
      : path_(std::move(path)), most_frames_(most_frames) {}

  const std::string& path() const { return path_; }
  // Reads the headers of the frames that are new. What cannot be read is no news.
  void look() override;

  std::optional<std::vector<uint32_t>> between(const Position& earlier, const Position& later) override;
  void forget(const Position& before) override;

 private:
  struct Seen {
    uint32_t page = 0;
    uint64_t checksum = 0;  // of this frame and all before it
  };
  // From one beginning of the log to the next: frames `first`, `first` + 1, …
  struct Round {
    uint32_t salt1 = 0;
    uint32_t salt2 = 0;
    uint32_t first = 1;
    uint64_t before = 0;  // the checksum of the frame before `first`
    // As the wal-index counted them when the last frame of `frames` was the last there was.
    std::optional<uint32_t> commits;
    std::vector<Seen> frames;
    // The main file, while nothing of this round was copied to it.
    std::optional<Position> main;
    bool is(uint32_t one, uint32_t two) const { return salt1 == one && salt2 == two; }
    uint32_t seen() const { return first - 1 + static_cast<uint32_t>(frames.size()); }
    uint64_t checksum_of(uint32_t frame) const {  // frame: from first - 1 to seen()
      return frame < first ? before : frames[frame - first].checksum;
    }
  };

  void look_locked();
  std::optional<Position> untouched_main(const sqlite::LogHeaders& log, const Round& round) const;
  std::deque<Round>::const_iterator from(const Position& earlier) const;
  static bool goes_on(const sqlite::LogHeaders& log, const Round& round);
  void skip_to(const sqlite::LogHeaders& log, const sqlite::LogHeaders::Committed& state);
  bool end_round(const sqlite::LogHeaders& log, Round& round);
  static bool is_all(const sqlite::LogHeaders& log, const Round& round, uint32_t read);
  void begin_anew();

  const std::string path_;
  const size_t most_frames_;  // kept
  std::mutex mutex_;
  std::deque<Round> rounds_;  // each begun when the one before it had ended
  size_t kept_ = 0;           // frames in all of them
};

}  // namespace syncnode::capture
