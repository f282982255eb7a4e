// SourceTrail: what was seen of one client between two runs, whatever journal mode its application uses: its
// log, and, once asked for, its rollback journals. Thread-safe: a follower looks, a run asks.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "capture/journal_trail.h"
#include "capture/log_trail.h"

namespace syncnode::capture {

class SourceTrail final : public Trail {
 public:
  // `path`: of the main file, checked (host/source_path.h).
  explicit SourceTrail(const std::string& path) : log_(path), journals_(path) {}

  const std::string& path() const { return log_.path(); }
  // Of use only where somebody looks as soon as what it gives is readable: it costs an instance of inotify.
  std::shared_ptr<const UniqueFd> follow_journals() {
    follows_journals_ = true;
    return journals_.wake();
  }

  std::shared_ptr<const UniqueFd> wake() const override {
    return follows_journals_ ? journals_.wake() : nullptr;
  }
  void look() override {
    if (follows_journals_) journals_.look();  // first: a journal does not wait
    log_.look();
  }
  void met(const Position& now) override {
    if (follows_journals_) journals_.met(now);
  }
  std::optional<std::vector<uint32_t>> between(const Position& earlier, const Position& later) override {
    if (later.live) return log_.between(earlier, later);
    return follows_journals_ ? journals_.between(earlier, later) : std::nullopt;
  }
  std::optional<Position> here() override { return follows_journals_ ? journals_.here() : std::nullopt; }
  void forget(const Position& before) override {
    log_.forget(before);
    journals_.forget(before);
  }

 private:
  std::atomic<bool> follows_journals_ = false;
  LogTrail log_;
  JournalTrail journals_;
};

}  // namespace syncnode::capture
