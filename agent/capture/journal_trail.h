// JournalTrail: which pages were written by each transaction of a client in rollback mode, by the journals
// that they left: opened while they were there, read when they were unlinked. Keeps one descriptor of a
// journal, for as long as that is the application's, and takes no lock. Refuses to guess: where a journal was
// made and gone before it was opened, or the file was written without one, the trail begins anew
// (docs/capture.md, "Journals"). Thread-safe: a follower looks, a run asks.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "capture/changed_pages.h"
#include "sqlite/journal_pages.h"
#include "sqlite/journal_watch.h"

namespace syncnode::capture {

class JournalTrail final : public Trail {
 public:
  // `path`: of the main file, checked (host/source_path.h).
  explicit JournalTrail(const std::string& path) : path_(path), watch_(path) {}

  void look() override;
  void met(const Position& now) override;
  std::optional<std::vector<uint32_t>> between(const Position& earlier, const Position& later) override;
  void forget(const Position& before) override;
  std::optional<Position> here() override;
  // A journal lives for milliseconds. Null: there is no inotify.
  std::shared_ptr<const UniqueFd> wake() const override;

 private:
  struct Journal {
    UniqueFd file;
    bool written = false;  // the main file was, while it was there
  };

  struct Step {
    sqlite::JournalPages written;
    bool committed = true;  // else rolled back, as far as the main file had it at all
    uint32_t counter() const { return written.counter; }
    uint32_t counter_after() const { return written.counter + (committed ? 1 : 0); }
  };
  using News = sqlite::JournalWatch::News;

  void look_locked();
  void begin_anew();
  void take_news();
  bool follow_all();
  bool follow(News news);
  bool open_journal();
  bool end_journal();
  bool judge();
  bool judge_by(uint32_t counter);
  bool is_there() const { return journal_.has_value(); }
  std::optional<uint32_t> counter_now() const;
  bool has_journal() const;
  bool knows(const Position& position);
  void remember(const Position& position);

  const std::string path_;
  mutable std::mutex mutex_;
  sqlite::JournalWatch watch_;
  bool begun_ = false;
  BootClock::time_point begun_at_{};  // everything since was seen
  std::deque<News> news_;             // what is not followed yet
  std::optional<Journal> journal_;    // the one that is there
  std::deque<Step> steps_;            // each begins with the counter that the one before it left
  bool judged_ = true;                // it is known how the last of them ended
  size_t kept_ = 0;                   // pages in all of them
  std::deque<Position> known_;        // of snapshots that were taken since it began
};

}  // namespace syncnode::capture
