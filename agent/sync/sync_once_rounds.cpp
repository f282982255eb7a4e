// SyncOnce, a first load beside an application that writes: large tables are read in one short snapshot after
// the other (load_rounds.h), the rest in the last of them.
#include <algorithm>
#include <limits>
#include <map>
#include <system_error>

#include "base/pause.h"
#include "base/thread_priority.h"
#include "capture/log_trail.h"
#include "capture/source_trail.h"
#include "sqlite/page_image.h"
#include "sqlite/source_file.h"
#include "sync/source_rows.h"
#include "sync/source_schema_json.h"
#include "sync/sync_once.h"

namespace syncnode::sync {
namespace {

constexpr size_t kRestBytes = size_t{128} << 20;  // once a load
constexpr size_t kLastBytes = size_t{2} << 20;    // of it, in the last snapshot
constexpr int kMostForRest = 100;                 // snapshots
constexpr int kMostTries = 200;                   // a millisecond each
constexpr size_t kSmallBytes = size_t{8} << 20;

Error not_in_time() {
  return {ErrorCode::kAborted, "its pages were not copied in time", ""};
}

}  // namespace

bool SyncOnce::may_go_in_rounds() const {
  return state_.sync_id.empty() && may_turn_;
}

// A journal is there for milliseconds: who is to know what was written since a snapshot, or beside a pass
// over the file, looks from before it begins.
Status SyncOnce::look_at_journals() {
  if (!may_go_in_rounds()) return {};
  const auto file = sqlite::SourceFile::open(context_.source_path);
  if (!file) return {};  // the snapshot will say what is wrong with it
  const auto header = file->read_header();
  const auto facts = file->facts();
  const auto log = file->wal_exists();
  const bool in_question = header && facts && log && !sqlite::SourceFile::says_wal(*header) && !*log &&
                           facts->size > sqlite::SnapshotOptions().image_bytes;
  if (!in_question) return {};
  if (trail_ == nullptr || trail_->wake() == nullptr) {
    auto own = std::make_shared<capture::SourceTrail>(context_.source_path);
    own->follow_journals();
    load_trail_ = std::move(own);
  }
  return look_meanwhile();
}

// A trail that missed a journal, or was just made, begins between two transactions: without one no pass can
// be made ahead of a snapshot, and one within a hold comes to no end. Waited for in vain it is not waited for
// again: of an application that keeps its journal (PERSIST, TRUNCATE), or without inotify, there is none.
void SyncOnce::await_journals() {
  for (int tries = 0; has_journals_ && !trail()->here(); ++tries)
    has_journals_ = tries < kMostTries && !pause(std::chrono::milliseconds(1), context_.stop);
}

Status SyncOnce::look_meanwhile() {
  try {
    looks_.emplace(*trail());
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kResourceExhausted, std::string("cannot start a thread: ") + error.what(), ""};
  }
  return {};
}

// The map of the first snapshot is where the book begins.
Status SyncOnce::begin_rounds() {
  rounds_.reset();
  const bool may = may_go_in_rounds() && (snapshot_->holds_log() || (snapshot_->holds_shared() && looks_));
  if (!may) {
    looks_.reset();
    return {};
  }
  if (trail() == nullptr) load_trail_ = std::make_shared<capture::LogTrail>(context_.source_path);
  if (!looks_) SN_TRY(look_meanwhile());
  SN_TRY(capture_->lay_out(*snapshot_));
  SN_TRY(snapshot_->validate());
  rounds_.emplace();
  if (snapshot_->holds_shared()) {
    rounds_->found_locked();
  } else if (was_busy_ || snapshot_->log_growth() >= kBusyLog) {
    rounds_->found_busy();
  }
  return {};
}

Status SyncOnce::read_in_rounds(RunReport& report) {
  for (const auto& table : schema_.tables) {
    if (context_.stop.stop_requested()) return Error{ErrorCode::kCancelled, "the run was stopped", ""};
    if (!reads_by_rowid(table)) continue;
    ReadAttempts attempts;
    while (true) {
      SN_TRY(need_all_pages());
      if (snapshot_->outstays()) SN_TRY(turn_snapshot());
      const auto read = read_if_large(table, report);
      if (read) break;
      // Nothing of it was loaded.
      if (rounds_->has(table.name) || !may_read_again(read.error(), attempts)) return read.error();
      rounds_->was_too_slow();
      SN_TRY(turn_snapshot());
    }
  }
  rounds_->comes_to_an_end();
  const FullShare share;
  if (!readings_.empty()) SN_TRY(turn_snapshot());
  for (ReadAttempts attempts;;) {
    const auto is_all = keep_rest();
    if (is_all && *is_all) break;
    if (is_all) {
      attempts = ReadAttempts();
    } else if (may_read_again(is_all.error(), attempts)) {
      rounds_->was_too_slow();
      rest_.missing.reset();
    } else {
      return is_all.error();
    }
    SN_TRY(turn_snapshot());
  }
  looks_.reset();
  if (readings_.empty()) return {};
  context_.log.debug("the large tables of '" + context_.target.deployment.client_name + "' were read in " +
                     std::to_string(rounds_->turns()) + " snapshots before the last one");
  return {};
}

// Its bytes count here too: what is not large waits for the last snapshot, and is copied from it as a whole.
Result<bool> SyncOnce::read_if_large(const SourceTable& table, RunReport& report) {
  SN_ASSIGN(bool large, is_large(table));
  if (!large) {
    SN_ASSIGN(const auto part, capture_->part_of(*snapshot_, table.name, std::nullopt, kSmallBytes));
    large = part && part->last < std::numeric_limits<int64_t>::max();
    large_[table.name] = large;
  }
  if (!large) return false;
  SN_TRY(keep_first_part(table));
  const Status read = read_table(table, report);
  first_part_.reset();
  if (!read) return read.error();
  return true;
}

// Its shape is chosen by its first rows, and its load begun, with these in memory.
Status SyncOnce::keep_first_part(const SourceTable& table) {
  if (!rounds_->is_busy() || !is_in_the_way()) return {};
  SN_ASSIGN(const auto part, capture_->part_of(*snapshot_, table.name, std::nullopt, rounds_->part_bytes()));
  if (!part) return {};
  SN_TRY(snapshot_->keep_pages(part->pages));
  if (snapshot_->holds_shared()) return not_in_time();
  if (!snapshot_->holds_log()) first_part_ = part->last;
  return {};
}

bool SyncOnce::is_in_the_way() const {
  return snapshot_->holds_log() || snapshot_->holds_shared();
}

// Of a snapshot that broke before anything was copied from it nothing was used.
bool SyncOnce::may_read_again(const Error& error, ReadAttempts& attempts) const {
  return error.code == ErrorCode::kAborted && rounds_ && rounds_->is_locked() && snapshot_ &&
         snapshot_->holds_shared() && attempts.again(context_.stop);
}

// Of a snapshot that has let its log go, or its lock, there is a part.
Status SyncOnce::need_all_pages() {
  const bool has_all = !rounds_ || rounds_->is_last() || !rounds_->is_busy() || is_in_the_way();
  return has_all ? Status() : turn_snapshot();
}

// Beside an application that writes, the pages of some rows are copied, and its log, or its lock, is let go
// of before they are read.
class SyncOnce::TableSnapshots final : public LoadSnapshots {
 public:
  TableSnapshots(SyncOnce& run, std::string table) : run_(run), table_(std::move(table)) {}

  Result<Reach> first(std::optional<int64_t> after) override {
    const auto kept = std::exchange(run_.first_part_, std::nullopt);
    if (kept && !after) return Reach{run_.snapshot_.get(), *kept};
    return run_.rounds_->is_locked() || !run_.is_in_the_way() ? turn(after) : part(after);
  }
  bool outstays() override {
    const bool is_new = !run_.rounds_->is_busy() && run_.snapshot_->log_growth() >= kBusyLog;
    if (is_new) run_.rounds_->found_busy();
    return is_new || run_.snapshot_->outstays();
  }
  Result<Reach> next(int64_t position) override {
    run_.rounds_->reached(table_, position);
    const bool may_stay = !run_.rounds_->is_busy() && !run_.snapshot_->outstays();
    return may_stay ? part(position) : turn(position);
  }

 private:
  Result<Reach> turn(std::optional<int64_t> after) {
    const FullShare share;  // until a part of it is copied the application has it in its way
    for (ReadAttempts attempts;;) {
      SN_TRY(run_.turn_snapshot());
      auto reach = part(after);
      if (reach) run_.rounds_->was_in_time();
      if (reach || !run_.may_read_again(reach.error(), attempts)) return reach;
      run_.rounds_->was_too_slow();
    }
  }
  // As far as it is known whose the pages are.
  Result<Reach> part(std::optional<int64_t> after) {
    sqlite::Snapshot& snapshot = *run_.snapshot_;
    SN_ASSIGN(const auto part, run_.capture_->part_of(snapshot, table_, after, run_.rounds_->part_bytes()));
    if (part && run_.rounds_->is_busy() && run_.is_in_the_way()) SN_TRY(snapshot.keep_pages(part->pages));
    if (part && run_.rounds_->is_locked() && snapshot.holds_shared()) return not_in_time();
    return Reach{&snapshot, part ? part->last : std::numeric_limits<int64_t>::max()};
  }

  SyncOnce& run_;
  const std::string table_;
};

Result<LoadedTable> SyncOnce::load_in_rounds(const SourceTable& table, const CopyTable& copy,
                                             const std::optional<LoadedTable>& earlier,
                                             TableLoadOptions options) {
  rounds_->begin(table.name, earlier.has_value());
  TableSnapshots snapshots(*this, table.name);
  options.snapshots = &snapshots;
  auto loaded = load_table(*snapshot_, table, copy, *memory_, *sender_, earlier, options);
  if (loaded) rounds_->finished(table.name);
  return loaded;
}

// The snapshot gives way to a later one of the same tables.
Status SyncOnce::turn_snapshot() {
  Status still_true = snapshot_->validate();
  if (!still_true && (still_true.error().code != ErrorCode::kAborted || !snapshot_->holds_shared()))
    return still_true;
  if (rest_.image) rest_.image->settle(still_true.has_value());
  if (still_true) {
    capture_->leave();
  } else {
    capture_->go_back();
  }
  trail()->look();
  for (ReadAttempts attempts;;) {
    if (context_.stop.stop_requested()) return Error{ErrorCode::kCancelled, "the run was stopped", ""};
    close_snapshot();
    Status opened = open_next();
    if (opened || !may_read_again(opened.error(), attempts)) return opened;
    capture_->go_back();
  }
}

Status SyncOnce::open_next() {
  read_ahead();
  SN_TRY(go_on());
  if (capture_->lacks_pass()) {
    close_snapshot();
    capture_->go_back();
    capture_->pass(context_.source_path, context_.stop);
    SN_TRY(go_on());
  }
  rounds_->turned(*capture_);
  if (rest_.image) rest_.image->written(capture_->written());
  if (const auto* before = capture_->position_before()) trail()->forget(*before);
  return {};
}

Status SyncOnce::go_on() {
  SN_TRY(open_snapshot());
  SN_ASSIGN(const auto schema, snapshot_->read_schema());
  if (source_schema_json(schema) != source_schema_json(schema_))
    return Error{ErrorCode::kAborted, "the tables of '" + context_.source_path + "' were changed meanwhile",
                 ""};
  return capture_->go_on(*snapshot_, schema, trail());
}

// What is left to read: the small tables, and what changed in those that were read in rounds. Beside an
// application that writes all of it would be too much for one snapshot: as long as that leaves less, a part
// of it is copied in this one, and false said; what nobody writes until the next one is not copied again.
Result<bool> SyncOnce::keep_rest() {
  SN_TRY(capture_->refresh(*snapshot_, {}));
  if (!keeps_ || !rounds_->is_busy() || !is_in_the_way()) return true;
  const auto needed = pages_of_rest();
  if (!needed) return true;
  if (!rest_.image) rest_.image = std::make_shared<sqlite::PageImage>();
  std::vector<bool> part(needed->size());
  size_t missing = 0;
  const size_t most = rounds_->part_bytes() / capture_->page_size();
  for (size_t page = 1; page < needed->size(); ++page) {
    if (!(*needed)[page] || rest_.image->stands(page)) continue;
    if (missing++ < most) part[page] = true;
  }
  const bool leads_nowhere =
      (rest_.missing && missing + most / 4 > *rest_.missing) || ++rest_.snapshots > kMostForRest;
  const bool is_all = leads_nowhere || missing * capture_->page_size() <= kLastBytes;
  SN_TRY(snapshot_->keep_pages(is_all ? *needed : part, rest_.image));
  if (snapshot_->holds_shared()) return not_in_time();
  rest_.missing = missing;
  kept_ = is_all && !snapshot_->holds_log();
  return is_all;
}

// Nothing where it is not known.
std::optional<std::vector<bool>> SyncOnce::pages_of_rest() {
  std::map<std::string, const capture::KeyRanges*> rest;
  for (const auto& table : schema_.tables) {
    if (!rounds_->has(table.name)) {
      if (!reads_by_rowid(table) && !table.without_rowid) return std::nullopt;  // read in another order
      rest[table.name] = nullptr;
      continue;
    }
    const capture::KeyRanges* ranges = rounds_->changed(table.name);
    if (ranges == nullptr) return std::nullopt;
    rest[table.name] = ranges;
  }
  return capture_->pages_of(rest, rounds_->overflow(), kRestBytes);
}

// What was read in rounds, brought to the last snapshot.
Status SyncOnce::catch_up_all(RunReport& report) {
  for (auto& reading : readings_) {
    if (rounds_->has(reading.outcome.name)) SN_TRY(catch_up(reading, report));
  }
  return {};
}

// The same of one table.
Status SyncOnce::catch_up(TableReading& reading, RunReport& report) {
  const auto table = std::find_if(schema_.tables.begin(), schema_.tables.end(),
                                  [&](const SourceTable& each) { return each.name == reading.outcome.name; });
  const capture::KeyRanges* ranges = rounds_->changed(table->name);
  TableChange& change = reading.shipment.change;
  if (ranges != nullptr && ranges->empty()) return {};
  auto brought = diff_table(*snapshot_, *table, change.copy, *memory_, change.image,
                            {context_.client_directory, {}, ranges});
  if (!brought && is_key_misfit(brought.error())) {
    may_turn_ = false;  // one snapshot for all of it: another shape is chosen there
    return Error{ErrorCode::kAborted, brought.error().message, ""};
  }
  if (!brought) return std::move(brought).error().with_context("table '" + table->name + "'");
  report.rows_total += brought->rows - change.rows;
  change = std::move(*brought);
  change.inserted = change.rows;
  change.updated = 0;
  change.touched = true;
  change.copy.quarantined = change.quarantined_rows;
  reading.outcome.rows = reading.outcome.inserted = change.rows;
  reading.outcome.quarantined = change.quarantined_rows;
  return {};
}

}  // namespace syncnode::sync
