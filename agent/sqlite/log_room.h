// LogRoom: how far a log (-wal) goes before SQLite begins it anew, and the wait for that. A reader who comes
// when it is nearly full keeps it from beginning anew, and the file grows for good; one who comes right after
// has all of it to himself. Takes no lock. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "sqlite/log_headers.h"

namespace syncnode::sqlite {

// SQLite copies its log back when a commit leaves 1,000 frames in it (SQLITE_DEFAULT_WAL_AUTOCHECKPOINT), and
// begins it anew if no reader is in the way. Some of them are left for the time it takes us to be gone.
inline constexpr uint32_t kUsualLog = 900;
// One that is so long is not kept to that, by its settings or by another reader: it is waited for in vain.
inline constexpr uint32_t kUnusualLog = 4000;
inline constexpr uint32_t kLeastRoom = 64;  // frames; who has less would be gone before he has begun

// What a reader waits for.
struct LogRoom {
  uint32_t frames = kLeastRoom;  // that can be written before he is in the way of the log's next beginning
  std::chrono::milliseconds patience{250};  // it may be that its application never checkpoints by itself
  // Who writes nothing for so long fills the log slowly, if at all: he is not waited for.
  std::chrono::milliseconds quiet{3};
};

// What an application writes to the log of this main file, from here on.
class LogWriting {
 public:
  explicit LogWriting(const std::string& main_path);
  uint32_t frames() const;  // at least

 private:
  const std::string main_path_;
  const std::optional<LogHeaders::Committed> begun_;
};

// Waits while the log of this main file has not that room and its application is writing.
void wait_for_room(const std::string& main_path, const LogRoom& room);

}  // namespace syncnode::sqlite
