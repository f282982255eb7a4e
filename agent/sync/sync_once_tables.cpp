// SyncOnce, the reading half: each table of the snapshot becomes a TableShipment.
#include <fmt/format.h>

#include <algorithm>

#include "sqlite/source_query.h"
#include "sync/source_rows.h"
#include "sync/sync_once.h"

namespace syncnode::sync {
namespace {

constexpr int64_t kSmallTable =
    2000;  // rows that travel in the data transaction instead of a load of their own
constexpr int64_t kMuchQuarantined = 100;
constexpr char kRetyped[] = "types were chosen from all values";

// Counts at most `limit` rows.
Result<int64_t> count_rows(sqlite::Snapshot& snapshot, const SourceTable& table, int64_t limit) {
  SN_ASSIGN(auto statement, snapshot.prepare(sqlite::count_query(table.name, limit)));
  SN_ASSIGN([[maybe_unused]] bool found, statement.step());
  return statement.column_int64(0);
}

bool wants_better_types(const CopyTable& copy, int64_t quarantined_rows, int64_t rows) {
  if (quarantined_rows <= kMuchQuarantined || quarantined_rows * 10 <= rows) return false;
  return copy.reason != kRetyped || quarantined_rows >= copy.quarantined * 2;
}

std::string why_whole(const capture::Finding& finding, bool same_shape) {
  if (finding.what == capture::Finding::What::kEverything) return finding.reason;
  return same_shape ? "it has no order by rowid" : "its shape in the copy changes";
}

std::string_view to_string(capture::Evidence evidence) {
  switch (evidence) {
    case capture::Evidence::kNone:
      return "none";
    case capture::Evidence::kSame:
      return "unchanged";
    case capture::Evidence::kLog:
      return "log";
    case capture::Evidence::kTrail:
      return "trail";
    case capture::Evidence::kJournals:
      return "journals";
    case capture::Evidence::kChecksums:
      return "checksums";
  }
  return "none";
}

}  // namespace

Status SyncOnce::read_tables(RunReport& report) {
  report.tables_total = static_cast<int64_t>(schema_.tables.size());
  report.rows_total = 0;
  readings_.clear();
  report.capture = {};
  report.capture.evidence = to_string(capture_->evidence());
  report.capture.pages_changed = static_cast<int64_t>(capture_->pages_changed());
  if (rounds_) SN_TRY(read_in_rounds(report));
  for (const auto& table : schema_.tables) {
    if (context_.stop.stop_requested()) return Error{ErrorCode::kCancelled, "the run was stopped", ""};
    if (!rounds_ || !rounds_->has(table.name)) SN_TRY(read_table(table, report));
  }
  if (rounds_) SN_TRY(catch_up_all(report));
  tell_capture(report.capture);
  SN_TRY(settle_tables(report));
  SN_TRY(vanished_tables(report));
  report.skipped = schema_.skipped;
  return skipped_tables();
}

void SyncOnce::tell_capture(const CaptureTally& tally) {
  std::string whole;
  for (const auto& [reason, tables] : tally.whole_because)
    whole += fmt::format("{}{} because {}", whole.empty() ? ": " : ", ", tables, reason);
  context_.log.debug(
      fmt::format("changes of '{}' by {}: {} pages; tables unchanged {}, read in part {}, whole {}{}",
                  context_.target.deployment.client_name, tally.evidence, tally.pages_changed,
                  tally.tables_unchanged, tally.tables_in_part, tally.tables_whole, whole));
}

Status SyncOnce::read_table(const SourceTable& table, RunReport& report) {
  const CopyTable* existing = state_.table(table.name);
  if (existing != nullptr && existing->state == "skipped") existing = nullptr;
  SN_ASSIGN(auto plan, plan_table(*snapshot_, table, existing, {.last_rowid = first_part_}));
  SN_ASSIGN(int64_t in_copy, rows_in_copy(table.name));
  bool reload = plan.action == PlanAction::kLoad;
  Result<TableShipment> shipment =
      reload ? reload_table(table, plan, existing) : merge_table(table, plan, existing, report.capture);
  bool key_misfits = !shipment && is_key_misfit(shipment.error());
  if (key_misfits) {
    SN_TRY(need_all_pages());
    SN_ASSIGN(plan, plan_table(*snapshot_, table, existing, {.encoded_keys = true}));
    shipment = reload_table(table, plan, existing);
    reload = true;
  }
  if (!shipment) return std::move(shipment).error().with_context("table '" + table.name + "'");
  if (!reload && wants_better_types(*existing, shipment->change.quarantined_rows, shipment->change.rows)) {
    SN_ASSIGN(plan, plan_table(*snapshot_, table, existing, {.retype = true}));
    reload = plan.action == PlanAction::kLoad;
    plan.copy.reason = kRetyped;
    if (reload) {
      SN_ASSIGN(shipment, reload_table(table, plan, existing));
    } else {
      shipment->change.copy.reason = kRetyped;
    }
  }
  CopyTable& copy = shipment->change.copy;
  copy.quarantined = shipment->change.quarantined_rows;
  TableReading reading;
  reading.in_copy = in_copy;
  reading.reload = reload;
  reading.existed = existing != nullptr;
  reading.outcome = {table.name,
                     shipment->change.rows,
                     shipment->change.inserted,
                     shipment->change.updated,
                     0,
                     shipment->change.quarantined_rows,
                     0};
  shipment->record_shape = reload || existing == nullptr || !(copy == *existing);
  reading.shipment = std::move(*shipment);
  reading.shipment.reshaped = existing != nullptr && !same_row_shape(*existing, reading.shipment.change.copy);
  report.rows_total += reading.outcome.rows;
  readings_.push_back(std::move(reading));
  return {};
}

Result<int64_t> SyncOnce::rows_in_copy(const std::string& table) {
  SN_ASSIGN(auto image, memory_->image(table));
  int64_t rows = image ? image->rows : 0;
  SN_TRY(memory_->for_each_kept(table, [&](const memory::KeptRecord& kept) -> Status {
    rows += kept.rejected ? 0 : 1;
    return {};
  }));
  return rows;
}

// Nothing but its rows could make a run do something about it.
Result<bool> SyncOnce::is_settled(const SourceTable& table) {
  if (find_decision(decisions_, wire_name(table.name), HeldKind::kMassDelete) != nullptr) return false;
  bool keeps = false;
  SN_TRY(memory_->for_each_kept(table.name, [&](const memory::KeptRecord&) -> Status {
    keeps = true;
    return {};
  }));
  return !keeps;
}

Result<TableShipment> SyncOnce::merge_table(const SourceTable& table, ShapePlan plan,
                                            const CopyTable* existing, CaptureTally& tally) {
  using What = capture::Finding::What;
  SN_ASSIGN(auto image, memory_->image(table.name));
  TableDiffOptions options{context_.client_directory,
                           [&](int64_t rows) { context_.progress.table(table.name, rows, -1); }};
  TableShipment shipment;
  const capture::Finding& finding = capture_->finding(table.name);
  // What was found is of rows as the copy has them: under another shape all of them are looked at.
  const bool same_shape = image && image->key_is_position == key_is_position(table, plan.copy) &&
                          plan.operations.empty() && plan.copy.columns == existing->columns;
  const bool unchanged = same_shape && finding.what == What::kUnchanged;
  SN_ASSIGN(const bool settled, is_settled(table));
  if (unchanged && settled) {
    shipment.change.copy = plan.copy;
    shipment.change.image = image;
    shipment.change.rows = image->rows;
    shipment.change.quarantined_rows = existing->quarantined;
    ++tally.tables_unchanged;
    return shipment;
  }
  const bool in_part = same_shape && finding.what != What::kEverything && reads_by_rowid(table);
  if (in_part) options.ranges = &finding.ranges;
  ++(in_part ? tally.tables_in_part : tally.tables_whole);
  if (!in_part) ++tally.whole_because[why_whole(finding, same_shape)];
  SN_ASSIGN(shipment.change, diff_table(*snapshot_, table, plan.copy, *memory_, image, options));
  shipment.operations = std::move(plan.operations);
  return shipment;
}

Result<TableShipment> SyncOnce::reload_table(const SourceTable& table, ShapePlan plan,
                                             const CopyTable* existing) {
  SN_ASSIGN(const bool large, is_large(table));
  Result<TableShipment> shipment = large ? load_large(table, plan) : create_small(table, plan);
  if (shipment || !is_key_misfit(shipment.error()) || plan.copy.key_kind != KeyKind::kPlain) return shipment;
  std::string reason = plan.copy.reason;
  SN_TRY(need_all_pages());
  SN_ASSIGN(plan, plan_table(*snapshot_, table, existing, {.encoded_keys = true}));
  plan.copy.key_kind = KeyKind::kEncoded;
  plan.copy.reason = reason;
  return large ? load_large(table, plan) : create_small(table, plan);
}

Result<bool> SyncOnce::is_large(const SourceTable& table) {
  if (const auto known = large_.find(table.name); known != large_.end()) return known->second;
  SN_ASSIGN(const int64_t rows, count_rows(*snapshot_, table, kSmallTable + 1));
  return large_[table.name] = rows > kSmallTable;
}

Result<TableShipment> SyncOnce::create_small(const SourceTable& table, const ShapePlan& plan) {
  TableShipment shipment;
  SN_ASSIGN(shipment.change, diff_table(*snapshot_, table, plan.copy, *memory_, std::nullopt,
                                        {context_.client_directory, {}}));
  std::string load = "_sync_load_" + std::to_string(readings_.size()) + "_" + shipment_.sync_id.substr(0, 8);
  shipment.operations.push_back(create_load_operation(plan.copy, load));
  shipment.operations.push_back(primary_key_operation(plan.copy, load));
  shipment.operations.push_back(publish_operation(plan.copy, load));
  return shipment;
}

// What the copy and the memory both know of an unfinished load of this table; `copy` becomes its shape.
Result<std::optional<LoadedTable>> SyncOnce::earlier_load(const SourceTable& table, CopyTable& copy) {
  SN_ASSIGN(auto marks, memory_->loads());
  for (const auto& mark : marks) {
    auto load = std::find_if(state_.loads.begin(), state_.loads.end(), [&](const CopyLoad& l) {
      return l.load_table == mark.load_table && l.load_id == mark.load_id;
    });
    if (mark.table != table.name || load == state_.loads.end()) continue;
    SN_ASSIGN(auto shape, parse_shape_json(mark.shape));
    bool same = shape.columns.size() == table.columns.size() && shape.key_columns == copy.key_columns &&
                shape.key_kind == copy.key_kind &&
                mark.image.key_is_position == key_is_position(table, shape) &&
                std::all_of(table.columns.begin(), table.columns.end(),
                            [&](const SourceColumn& column) { return shape.column(column.name) != nullptr; });
    if (!same) continue;
    copy = shape;
    LoadedTable loaded{mark, *load, 0, true};
    loaded.mark.image.rows = load->rows;
    return std::optional<LoadedTable>(loaded);
  }
  return std::optional<LoadedTable>();
}

Result<TableShipment> SyncOnce::load_large(const SourceTable& table, ShapePlan plan) {
  if (!sender_) {
    auto progress = [this](const std::string& name, int64_t rows) {
      context_.progress.table(name, rows, -1);
    };
    lend_connection();
    sender_ = std::make_unique<LoadSender>(context_.connect, context_.target, journal_.job_id(),
                                           context_.stop, progress);
    context_.progress.phase("reading and loading");
  }
  loaded_ = true;
  SN_ASSIGN(auto earlier, earlier_load(table, plan.copy));
  TableLoadOptions options{context_.client_directory, context_.options.spool_bytes,
                           [&](int64_t rows) { context_.progress.table(table.name, rows, -1); }};
  const bool in_rounds = rounds_ && reads_by_rowid(table);
  auto loaded = in_rounds ? load_in_rounds(table, plan.copy, earlier, std::move(options))
                          : load_table(*snapshot_, table, plan.copy, *memory_, *sender_, earlier, options);
  if (!loaded) {
    if (is_key_misfit(loaded.error())) SN_TRY(memory_->forget_load(table.name));
    return std::move(loaded).error();
  }
  TableShipment shipment;
  if (loaded->resumed && !in_rounds) {
    // Its first rows are of an older snapshot: what changed since is merged right after publishing.
    SN_ASSIGN(shipment.change, diff_table(*snapshot_, table, plan.copy, *memory_, loaded->mark.image,
                                          {context_.client_directory, {}}));
  } else {
    shipment.change.copy = plan.copy;
    shipment.change.image = loaded->mark.image;
    shipment.change.rows = loaded->load.rows;
    shipment.change.quarantined_rows = loaded->quarantined_rows;
  }
  shipment.change.inserted = loaded->load.rows;
  shipment.change.touched = true;
  shipment.operations.push_back(publish_operation(plan.copy, loaded->load.load_table));
  return shipment;
}

}  // namespace syncnode::sync
