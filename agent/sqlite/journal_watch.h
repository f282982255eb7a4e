// JournalWatch: what the kernel says happened to a database and to the rollback journals beside it, in its
// order (one queue of inotify). What others only take for a hint counts here: take() goes on to the end of
// the queue, so everything that happened before it began is in what it gives, or kLost is. Refuses to judge
// it. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace syncnode::sqlite {

class JournalWatch {
 public:
  enum class News {
    kMade,     // a journal was made
    kRemoved,  // it was unlinked
    kWritten,  // the database was
    kLost      // anything may have happened: events were dropped, a log or another file came in
  };

  // `path`: of the main file, checked (host/source_path.h).
  explicit JournalWatch(std::string path);

  // False where the host has no inotify left, or the file or its directory is not there.
  bool begin();
  void end();
  bool is_on() const { return directory_ >= 0; }
  std::vector<News> take();

  // Readable when there is something to take; null where there is no inotify. Outlives the watch.
  std::shared_ptr<const UniqueFd> wake() const { return inotify_; }

 private:
  std::optional<News> news(int watch, uint32_t mask, std::string_view name) const;

  const std::string path_;
  std::string directory_path_, name_;
  std::shared_ptr<const UniqueFd> inotify_;
  int directory_ = -1, main_ = -1;  // watches
};

}  // namespace syncnode::sqlite
