#include "follower.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "base/hex.h"
#include "memory/image_cursor.h"
#include "sync/shape_plan.h"
#include "sync/source_rows.h"

namespace syncnode::capture {
namespace {

Result<std::vector<std::string>> spooled(std::optional<sync::Spool>& spool) {
  std::vector<std::string> records;
  if (!spool) return records;
  SN_TRY(spool->rewind());
  sync::RecordReader reader(*spool);
  std::string_view record;
  while (true) {
    SN_ASSIGN(const bool more, reader.next(record));
    if (!more) break;
    records.emplace_back(record);
  }
  std::sort(records.begin(), records.end());
  return records;
}

std::string few(const std::vector<std::string>& records) {
  std::string text;
  for (size_t i = 0; i < records.size() && i < 4; ++i) text += " " + to_hex(records[i].substr(0, 60));
  return text;
}

}  // namespace

std::string Difference::to_string() const {
  return fmt::format(
      "{} rows, {} inserted, {} updated, {} quarantined, {}, {} upserts{}, {} gone{}, {} uncleared", rows,
      inserted, updated, quarantined, touched ? "touched" : "untouched", upserts.size(), few(upserts),
      gone.size(), few(gone), uncleared.size());
}

Follower::Follower(std::string directory, uint64_t seed, Ways* ways, Trail* trail)
    : directory_(std::move(directory)), ways_(ways), trail_(trail) {
  std::filesystem::create_directory(directory_);
  reopen();
  const auto seeded = memory_->database().execute(
      fmt::format("PRAGMA synchronous = OFF; UPDATE meta SET value = '{}' WHERE key = 'seed'", seed));
  if (!seeded) throw std::runtime_error(seeded.error().to_string());
  reopen();
}

void Follower::reopen() {
  capture_.reset();
  shelf_.clear();
  memory_.reset();
  auto opened = memory::Memory::open(directory_, "deployment");
  if (!opened) throw std::runtime_error(opened.error().to_string());
  memory_ = std::move(*opened);
}

Result<std::map<std::string, Difference>> Follower::look(sqlite::Snapshot& snapshot) {
  std::map<std::string, Difference> found;
  SN_TRY(memory_->begin(fmt::format("run {}", ++runs_)));
  SN_ASSIGN(const auto schema, snapshot.read_schema());
  capture_.reset();
  kept_ = false;
  if (ways_ != nullptr) {
    capture_.emplace(*memory_, &shelf_, directory_);
    SN_TRY(capture_->open());
    SN_TRY(capture_->find(snapshot, schema, trail_));
    const bool followed =
        std::any_of(schema.tables.begin(), schema.tables.end(), [&](const SourceTable& table) {
          return capture_->finding(table.name).what != Finding::What::kEverything;
        });
    if (followed) ++ways_->evidence[capture_->evidence()];
    ways_->spared += static_cast<int64_t>(capture_->rows_spared());
    SN_TRY(keep_pages(snapshot, schema));
  }
  new_shapes_.clear();
  for (const auto& table : schema.tables) {
    SN_ASSIGN(found[table.name], look_at(snapshot, table));
  }
  SN_ASSIGN(const auto known, memory_->tables());
  for (const auto& name : known) {
    if (new_shapes_.count(name) == 0) SN_TRY(memory_->write_table({name, std::nullopt}));
  }
  return found;
}

// As SyncOnce::keep_pages() decides, where the shape stays.
Status Follower::keep_pages(sqlite::Snapshot& snapshot, const SourceSchema& schema) {
  if (!snapshot.holds_log() && !snapshot.holds_shared()) return {};
  for (const auto& table : schema.tables) {
    const auto known = shapes_.find(table.name);
    const bool unchanged = capture_->finding(table.name).what == Finding::What::kUnchanged;
    if (unchanged) continue;
    if (!sync::reads_by_rowid(table) || known == shapes_.end()) return {};
    SN_ASSIGN(const auto plan, sync::plan_table(snapshot, table, &known->second, {}));
    if (plan.action == sync::PlanAction::kLoad || plan.copy.columns != known->second.columns) return {};
  }
  const auto needed = capture_->needed_pages();
  if (!needed) return {};
  SN_TRY(snapshot.keep_pages(*needed));
  kept_ = !snapshot.holds_log() && !snapshot.holds_shared();
  ways_->kept += kept_ ? 1 : 0;
  return {};
}

Result<Difference> Follower::look_at(sqlite::Snapshot& snapshot, const SourceTable& table) {
  const auto known = shapes_.find(table.name);
  const sync::CopyTable* existing = known == shapes_.end() ? nullptr : &known->second;
  SN_ASSIGN(auto plan, sync::plan_table(snapshot, table, existing, {}));
  SN_ASSIGN(auto image, memory_->image(table.name));
  if (plan.action == sync::PlanAction::kLoad) image.reset();
  sync::TableDiffOptions options{directory_, {}, nullptr};
  // As SyncOnce::merge_table() decides.
  const bool same_shape = image && existing != nullptr &&
                          image->key_is_position == sync::key_is_position(table, plan.copy) &&
                          plan.operations.empty() && plan.copy.columns == existing->columns;
  if (capture_) {
    const Finding& finding = capture_->finding(table.name);
    const bool usable = same_shape && finding.what != Finding::What::kEverything;
    if (!usable) {
      ++ways_->everything[finding.what == Finding::What::kEverything ? finding.reason : "its shape changed"];
    } else if (finding.what == Finding::What::kUnchanged) {
      ++ways_->unchanged;
      new_shapes_[table.name] = plan.copy;
      new_shapes_[table.name].quarantined = existing->quarantined;
      return Difference{image->rows, 0, 0, existing->quarantined, false, {}, {}, {}};
    } else if (sync::reads_by_rowid(table)) {
      ++ways_->ranges;
      options.ranges = &finding.ranges;
    } else {
      ++ways_->everything["it is not read by rowid"];
    }
  }
  auto change = sync::diff_table(snapshot, table, plan.copy, *memory_, image, options);
  if (!change && sync::is_key_misfit(change.error())) {
    SN_ASSIGN(plan, sync::plan_table(snapshot, table, existing, {.encoded_keys = true}));
    options.ranges = nullptr;
    change = sync::diff_table(snapshot, table, plan.copy, *memory_, std::nullopt, options);
  }
  if (!change) return std::move(change).error();
  if (change->touched) SN_TRY(memory_->write_table({table.name, change->image}));
  new_shapes_[table.name] = change->copy;
  new_shapes_[table.name].quarantined = change->quarantined_rows;
  return difference_of(*change);
}

Result<Difference> Follower::difference_of(sync::TableChange& change) const {
  Difference difference{
      change.rows, change.inserted, change.updated, change.quarantined_rows, change.touched, {}, {}, {}};
  SN_ASSIGN(difference.upserts, spooled(change.upserts));
  SN_ASSIGN(difference.uncleared, spooled(change.uncleared));
  SN_TRY(change.gone->for_each([&](const memory::KeptRecord& kept) {
    difference.gone.push_back(kept.record.key);
    return Status();
  }));
  std::sort(difference.gone.begin(), difference.gone.end());
  return difference;
}

Status Follower::settle(sqlite::Snapshot& snapshot, bool remember) {
  if (capture_) SN_TRY(capture_->refresh(snapshot, {}));
  if (!remember) return memory_->discard();
  const std::string sync_id = fmt::format("run {}", runs_);
  SN_TRY(memory_->confirm([&] { return capture_ ? capture_->save(sync_id) : Status(); }));
  shapes_ = new_shapes_;
  if (trail_ != nullptr && capture_) trail_->forget(capture_->position());
  if (capture_ && runs_ % 3 != 0) capture_->keep();
  return {};
}

Result<std::vector<std::string>> Follower::records(const std::string& table) {
  std::vector<std::string> records;
  SN_ASSIGN(auto image, memory_->image(table));
  if (!image) return records;
  SN_ASSIGN(auto cursor, memory::ImageCursor::open(*memory_, *image));
  while (const memory::Record* record = cursor.current()) {
    records.push_back(fmt::format("{} {} {} {:x}", record->position, to_hex(record->key), record->quarantined,
                                  record->hash.bits));
    SN_TRY(cursor.next());
  }
  return records;
}

}  // namespace syncnode::capture
