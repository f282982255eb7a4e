#include "capture/journal_trail.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "sqlite/source_file.h"

namespace syncnode::capture {
namespace {

constexpr size_t kMostPages = size_t{1} << 18;
constexpr int64_t kLongestJournal = int64_t{16} << 20;
constexpr size_t kMostJournals = 16;  // in one look
constexpr size_t kMostKnown = 8;

bool same(const Position& one, const Position& other) {
  return one.counter == other.counter && one.same_facts(other);
}

}  // namespace

std::shared_ptr<const UniqueFd> JournalTrail::wake() const {
  const std::lock_guard lock(mutex_);
  return watch_.wake();
}

void JournalTrail::look() {
  const std::lock_guard lock(mutex_);
  look_locked();
}

void JournalTrail::look_locked() {
  const auto all = watch_.take();
  if (begun_) begun_ = follow(all) && (judged_ || judge());
  // As long as they are open no other file has their inodes.
  std::erase_if(journals_, [](const Journal& one) { return one.gone; });
  if (!begun_) begin_anew();
}

// What comes from here on is seen, if nobody is writing just now: a journal that was made before could be of
// any transaction. One that is made and gone before the next look is missed there.
void JournalTrail::begin_anew() {
  journals_.clear();
  steps_.clear();
  known_.clear();
  kept_ = 0;
  judged_ = true;
  watch_.end();
  const auto file = sqlite::open_for_reading(path_);
  sqlite::SourceFile::Header header{};
  if (!file || !file->valid() || sqlite::read_fully(file->get(), header.data(), header.size(), 0) <= 0)
    return;
  if (sqlite::SourceFile::says_wal(header) || !watch_.begin() || has_journal()) return;
  // The watch may be of a file that was not there before.
  const auto opened = sqlite::facts_of(file->get());
  const auto watched = sqlite::facts_of(path_);
  begun_ = opened && watched && opened->same_file(*watched);
  begun_at_ = BootClock::now();
}

bool JournalTrail::has_journal() const {
  struct stat facts {};
  return ::lstat((path_ + "-journal").c_str(), &facts) == 0 || errno != ENOENT;
}

// False: something was missed.
bool JournalTrail::follow(const std::vector<News>& all) {
  return std::all_of(all.begin(), all.end(), [this](News one) { return follow(one); });
}

bool JournalTrail::follow(News news) {
  switch (news) {
    case News::kMade:
      return !is_there() && open_journal();
    case News::kWritten:
      if (!is_there() || !judged_) return false;
      journals_.back().written = true;
      return true;
    case News::kRemoved:
      return is_there() && judged_ && end_journal();
    case News::kLost:
      return false;
  }
  return false;
}

// The one that was made, or a later one: then that will be found a second time, by its own event, before this
// look is over.
bool JournalTrail::open_journal() {
  auto file = sqlite::open_for_reading(path_ + "-journal");
  if (!file || !file->valid() || journals_.size() == kMostJournals) return false;
  const auto facts = sqlite::facts_of(file->get());
  if (!facts) return false;
  const bool is_new = std::none_of(journals_.begin(), journals_.end(),
                                   [&](const Journal& one) { return one.inode == facts->inode; });
  if (is_new) journals_.push_back({std::move(*file), facts->inode});
  return is_new;
}

bool JournalTrail::end_journal() {
  Journal& journal = journals_.back();
  journal.gone = true;
  struct stat facts {};
  if (::fstat(journal.file.get(), &facts) != 0 || facts.st_nlink != 0) return false;
  auto written = sqlite::read_journal(journal.file.get(), kLongestJournal);
  // Of a transaction that was rolled back before it had come to the main file nothing need be known.
  if (!written) return !journal.written;
  const bool follows = steps_.empty() || (written->counter == steps_.back().counter_after() &&
                                          written->page_size == steps_.back().written.page_size);
  kept_ += written->pages.size();
  if (!follows || kept_ > kMostPages) return false;
  steps_.push_back({std::move(*written)});
  judged_ = false;
  return true;
}

// How the last step ended: the counter tells, as long as nobody wrote to the file since. Nobody did without a
// journal, and a journal has no beginning before it is as good as on the disk, which comes first.
bool JournalTrail::judge() {
  const auto counter = counter_now();
  const auto since = watch_.take();
  const bool only_made = since.empty() || (since.size() == 1 && since.front() == News::kMade);
  if (!counter || !only_made || !follow(since)) return false;
  std::vector<News> rest;
  if (is_there()) {
    if (sqlite::has_beginning(journals_.back().file.get())) return false;
    rest = watch_.take();
    const bool only_written =
        std::all_of(rest.begin(), rest.end(), [](News one) { return one == News::kWritten; });
    if (!only_written) return false;
  }
  Step& last = steps_.back();
  last.committed = *counter == last.counter() + 1;
  judged_ = last.committed || *counter == last.counter();
  return judged_ && follow(rest);
}

std::optional<uint32_t> JournalTrail::counter_now() const {
  const auto file = sqlite::open_for_reading(path_);
  return file && file->valid() ? sqlite::change_counter(file->get()) : std::nullopt;
}

bool JournalTrail::knows(const Position& position) {
  const auto known =
      std::find_if(known_.begin(), known_.end(), [&](const Position& one) { return same(one, position); });
  if (known == known_.end()) return false;
  std::rotate(known, known + 1, known_.end());
  return true;
}

void JournalTrail::remember(const Position& position) {
  if (knows(position)) return;
  known_.push_back(position);
  if (known_.size() > kMostKnown) known_.pop_front();
}

// The counter alone could be of another life of the file.
void JournalTrail::met(const Position& now) {
  const std::lock_guard lock(mutex_);
  if (!now.counter || now.live) return;
  look_locked();
  if (begun_ && now.since > begun_at_) remember(now);
}

std::optional<std::vector<uint32_t>> JournalTrail::between(const Position& earlier, const Position& later) {
  const std::lock_guard lock(mutex_);
  if (!earlier.by_journals(later)) return std::nullopt;
  look_locked();
  const bool is_written = is_there() && journals_.back().written;
  if (!begun_ || is_written || !knows(earlier)) return std::nullopt;
  const uint32_t first = *earlier.counter;
  const uint32_t last = *later.counter;
  const bool all = first == last || (first < last && !steps_.empty() && steps_.front().counter() <= first &&
                                     steps_.back().counter_after() >= last);
  if (!all) return std::nullopt;
  std::vector<uint32_t> pages;
  uint32_t end = 0;  // of the file, at its shortest
  uint32_t page_size = 0;
  for (const auto& [written, committed] : steps_) {
    if (written.counter < first || written.counter > last) continue;
    pages.insert(pages.end(), written.pages.begin(), written.pages.end());
    end = end == 0 ? written.page_count : std::min(end, written.page_count);
    page_size = written.page_size;
  }
  for (int64_t page = int64_t{end} + 1; end > 0 && page <= later.size / page_size; ++page)
    pages.push_back(static_cast<uint32_t>(page));
  std::sort(pages.begin(), pages.end());
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  return pages;
}

// A transaction that is under way counts from its beginning.
std::optional<Position> JournalTrail::here() {
  const std::lock_guard lock(mutex_);
  look_locked();
  if (!begun_) return std::nullopt;
  Position now;
  if (!steps_.empty()) {
    now.counter = steps_.back().counter_after();
  } else {
    now.counter = counter_now();
    look_locked();
    if (!begun_ || !steps_.empty() || is_there()) return std::nullopt;
  }
  if (now.counter) remember(now);
  return now.counter ? std::optional(now) : std::nullopt;
}

void JournalTrail::forget(const Position& before) {
  const std::lock_guard lock(mutex_);
  if (!before.counter || !knows(before)) return;
  while (!steps_.empty() && steps_.front().counter() < *before.counter) {
    kept_ -= steps_.front().written.pages.size();
    steps_.pop_front();
  }
}

}  // namespace syncnode::capture
