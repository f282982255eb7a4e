// SyncOnce, a first load beside an application that writes to its log: large tables are read in one short
// snapshot after the other (load_rounds.h), the rest in the last of them.
#include <algorithm>

#include "capture/log_trail.h"
#include "sync/source_rows.h"
#include "sync/source_schema_json.h"
#include "sync/sync_once.h"

namespace syncnode::sync {

// The map of the first snapshot is where the book begins.
Status SyncOnce::begin_rounds() {
  rounds_.reset();
  if (!state_.sync_id.empty() || !may_turn_ || !snapshot_->holds_log()) return {};
  if (!trail_) trail_ = std::make_shared<capture::LogTrail>(context_.source_path);
  SN_TRY(capture_->refresh(*snapshot_, {}));
  rounds_.emplace();
  return {};
}

Status SyncOnce::read_in_rounds(RunReport& report) {
  for (const auto& table : schema_.tables) {
    if (context_.stop.stop_requested()) return Error{ErrorCode::kCancelled, "the run was stopped", ""};
    if (!reads_by_rowid(table)) continue;
    if (snapshot_->outstays()) SN_TRY(turn_snapshot());
    SN_ASSIGN(const bool large, is_large(table));
    if (large) SN_TRY(read_table(table, report));
  }
  if (readings_.empty()) return {};
  SN_TRY(turn_snapshot());
  context_.log.debug("the large tables of '" + context_.target.deployment.client_name + "' were read in " +
                     std::to_string(rounds_->turns()) + " snapshots before the last one");
  for (auto& reading : readings_) SN_TRY(catch_up(reading, report));
  return {};
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

// What was read of this table, brought to the last snapshot.
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
