#include "capture/journal_trail.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "sqlite/source_file.h"

namespace syncnode::capture {
namespace {

constexpr size_t kMostPages = size_t{1} << 18;
constexpr int64_t kLongestJournal = int64_t{16} << 20;
constexpr int kMostJournals = 16;  // in one look
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
  take_news();
  begun_ = begun_ && follow_all();
  if (!begun_) begin_anew();
}

void JournalTrail::take_news() {
  const auto taken = watch_.take();
  news_.insert(news_.end(), taken.begin(), taken.end());
}

// What comes from here on is seen, if nobody is writing just now: a journal that was made before could be of
// any transaction. One that is made and gone before the next look is missed there.
void JournalTrail::begin_anew() {
  news_.clear();
  journal_.reset();
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
bool JournalTrail::follow_all() {
  for (int journals = 0; journals < kMostJournals; ++journals) {
    while (!news_.empty()) {
      const News first = news_.front();
      news_.pop_front();
      if (!follow(first)) return false;
    }
    if (!judged_ && !judge()) return false;
    if (news_.empty()) return true;
  }
  return false;
}

bool JournalTrail::follow(News news) {
  switch (news) {
    case News::kMade:
      return !is_there() && open_journal();
    case News::kWritten:
      if (!is_there()) return false;
      journal_->written = true;
      return true;
    case News::kRemoved:
      return is_there() && end_journal();
    case News::kLost:
      return false;
  }
  return false;
}

// Opened by its name, it could be a later one. That is made after this one was unlinked, by somebody who had
// waited for it: so it is this one if nothing was unlinked yet, or if it was itself and no other was made.
bool JournalTrail::open_journal() {
  auto file = sqlite::open_for_reading(path_ + "-journal");
  struct stat facts {};
  if (!file || !file->valid() || ::fstat(file->get(), &facts) != 0) return false;
  take_news();
  const auto removed = std::count(news_.begin(), news_.end(), News::kRemoved);
  const auto made = std::count(news_.begin(), news_.end(), News::kMade);
  if (removed > 0 && (facts.st_nlink != 0 || removed > 1 || made > 0)) return false;
  journal_.emplace(Journal{std::move(*file)});
  return true;
}

bool JournalTrail::end_journal() {
  const Journal journal = std::move(*journal_);
  journal_.reset();
  struct stat facts {};
  if (::fstat(journal.file.get(), &facts) != 0 || facts.st_nlink != 0) return false;
  auto written = sqlite::read_journal(journal.file.get(), kLongestJournal);
  // Of a transaction that was rolled back before it had come to the main file nothing need be known.
  if (!written) return !journal.written;
  // It began where the one before it ended.
  if (!judged_ && !judge_by(written->counter)) return false;
  const bool follows = steps_.empty() || (written->counter == steps_.back().counter_after() &&
                                          written->page_size == steps_.back().written.page_size);
  kept_ += written->pages.size();
  if (!follows || kept_ > kMostPages) return false;
  steps_.push_back({std::move(*written)});
  judged_ = false;
  return true;
}

// How the last step ended: the counter tells, as long as nobody wrote to the file since, and then the journal
// of the next who does. Nobody writes without a journal, and a journal has no beginning before it is as good
// as on the disk, which comes first. False: neither could be.
bool JournalTrail::judge() {
  const auto counter = counter_now();
  take_news();
  const bool only_made = news_.empty() || (news_.size() == 1 && news_.front() == News::kMade);
  if (!counter || !only_made) return true;
  if (is_there() && (journal_->written || sqlite::has_beginning(journal_->file.get()))) return true;
  if (!news_.empty()) {
    news_.pop_front();
    if (is_there() || !open_journal()) return false;
    if (sqlite::has_beginning(journal_->file.get())) return true;
  }
  return judge_by(*counter);
}

// `counter`: what it left in the file.
bool JournalTrail::judge_by(uint32_t counter) {
  Step& last = steps_.back();
  last.committed = counter == last.counter() + 1;
  judged_ = last.committed || counter == last.counter();
  return judged_;
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
  const bool is_written = is_there() && journal_->written;
  if (!begun_ || !judged_ || is_written || !knows(earlier)) return std::nullopt;
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
    now.counter = judged_ ? steps_.back().counter_after() : steps_.back().counter();
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
