// SyncOnce, a first load beside an application that writes to its log: large tables are read in one short
// snapshot after the other (load_rounds.h), the rest in the last of them.
#include <algorithm>
#include <limits>
#include <map>
#include <system_error>

#include "capture/log_trail.h"
#include "sync/source_rows.h"
#include "sync/source_schema_json.h"
#include "sync/sync_once.h"

namespace syncnode::sync {
namespace {

// Copied in some ten milliseconds, and read in many more.
constexpr size_t kPartBytes = size_t{24} << 20;
constexpr size_t kCatchUpBytes = size_t{128} << 20;  // once a load

}  // namespace

// The map of the first snapshot is where the book begins.
Status SyncOnce::begin_rounds() {
  looks_.reset();
  rounds_.reset();
  if (!state_.sync_id.empty() || !may_turn_ || !snapshot_->holds_log()) return {};
  if (!trail_) trail_ = std::make_shared<capture::LogTrail>(context_.source_path);
  SN_TRY(capture_->refresh(*snapshot_, {}));
  rounds_.emplace();
  try {
    looks_.emplace(*trail_);
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kResourceExhausted, std::string("cannot start a thread: ") + error.what(), ""};
  }
  return {};
}

Status SyncOnce::read_in_rounds(RunReport& report) {
  for (const auto& table : schema_.tables) {
    if (context_.stop.stop_requested()) return Error{ErrorCode::kCancelled, "the run was stopped", ""};
    if (!reads_by_rowid(table)) continue;
    SN_TRY(need_all_pages());
    if (snapshot_->outstays()) SN_TRY(turn_snapshot());
    SN_ASSIGN(const bool large, is_large(table));
    if (large) SN_TRY(read_table(table, report));
  }
  if (!readings_.empty()) SN_TRY(turn_snapshot());
  looks_.reset();
  if (readings_.empty()) return {};
  context_.log.debug("the large tables of '" + context_.target.deployment.client_name + "' were read in " +
                     std::to_string(rounds_->turns()) + " snapshots before the last one");
  return {};
}

// Of a snapshot that has let its log go there is a part.
Status SyncOnce::need_all_pages() {
  return rounds_ && rounds_->is_busy() && !snapshot_->holds_log() ? turn_snapshot() : Status();
}

// Beside an application that writes, the pages of some rows are copied and its log is let go of before they
// are read.
class SyncOnce::TableSnapshots final : public LoadSnapshots {
 public:
  TableSnapshots(SyncOnce& run, std::string table) : run_(run), table_(std::move(table)) {}

  Result<Reach> first(std::optional<int64_t> after) override {
    Reach reach{run_.snapshot_.get(), std::numeric_limits<int64_t>::max()};
    if (!run_.rounds_->is_busy() || !run_.snapshot_->holds_log()) return reach;
    const auto part = run_.capture_->part_of(table_, after, kPartBytes);
    if (!part) return reach;
    SN_TRY(run_.snapshot_->keep_pages(part->pages));
    if (!run_.snapshot_->holds_log()) reach.last = part->last;
    return reach;
  }
  bool outstays() override {
    const bool is_new = !run_.rounds_->is_busy() && run_.snapshot_->log_growth() >= kBusyLog;
    if (is_new) run_.rounds_->found_busy();
    return is_new || run_.snapshot_->outstays();
  }
  Result<Reach> next(int64_t position) override {
    run_.rounds_->reached(table_, position);
    SN_TRY(run_.turn_snapshot());
    return first(position);
  }

 private:
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
  if (context_.stop.stop_requested()) return Error{ErrorCode::kCancelled, "the run was stopped", ""};
  SN_TRY(snapshot_->validate());
  trail_->look();
  close_snapshot();
  read_ahead();
  SN_TRY(open_snapshot());
  SN_ASSIGN(const auto schema, snapshot_->read_schema());
  if (source_schema_json(schema) != source_schema_json(schema_))
    return Error{ErrorCode::kAborted, "the tables of '" + context_.source_path + "' were changed meanwhile",
                 ""};
  SN_TRY(capture_->go_on(*snapshot_, schema, trail_.get()));
  rounds_->turned(*capture_);
  trail_->forget(capture_->position());
  return {};
}

// What was read in rounds, brought to the last snapshot.
Status SyncOnce::catch_up_all(RunReport& report) {
  std::map<std::string, const capture::KeyRanges*> changed;
  bool in_part = true;
  for (const auto& reading : readings_) {
    if (!rounds_->has(reading.outcome.name)) continue;
    const capture::KeyRanges* ranges = rounds_->changed(reading.outcome.name);
    in_part = in_part && ranges != nullptr;
    if (ranges != nullptr && !ranges->empty()) changed[reading.outcome.name] = ranges;
  }
  if (in_part && keeps_ && !changed.empty() && snapshot_->holds_log()) {
    const auto needed = capture_->pages_of(changed, rounds_->overflow(), kCatchUpBytes);
    if (needed) SN_TRY(snapshot_->keep_pages(*needed));
    kept_ = needed.has_value();
  }
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
