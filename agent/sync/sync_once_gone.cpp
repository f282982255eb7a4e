// SyncOnce, what the source no longer has: rows, tables, and what operators decided about them.
#include <algorithm>

#include "sync/sync_once.h"

namespace syncnode::sync {
namespace {

constexpr size_t kKeptBatch = 1000;
constexpr char kKeptByDecision[] = "kept by decision";

// What the memory goes on listing as present in the copy alone.
Status remember_gone(memory::Memory& memory, const std::string& table, memory::GoneRows& gone,
                     GoneFate fate) {
  std::vector<memory::KeptRecord> batch;
  SN_TRY(gone.for_each([&](const memory::KeptRecord& kept) -> Status {
    bool stays = kept.rejected || fate != GoneFate::kRemove;
    if (!stays) return {};
    batch.push_back(kept);
    batch.back().rejected = kept.rejected || fate == GoneFate::kKeep;
    if (batch.size() < kKeptBatch) return {};
    SN_TRY(memory.write_kept(table, batch));
    batch.clear();
    return {};
  }));
  return memory.write_kept(table, batch);
}

}  // namespace

void SyncOnce::close_decision(const HeldDecision& decision, std::string_view status) {
  bool known = std::any_of(shipment_.closed.begin(), shipment_.closed.end(),
                           [&](const auto& closed) { return closed.first == decision.id; });
  if (!known) shipment_.closed.emplace_back(decision.id, status);
}

// The brake looks at each table, and at the client as a whole: an emptied file has many small tables.
Status SyncOnce::settle_tables(RunReport& report) {
  int64_t leaving = 0;
  int64_t in_copy = 0;
  for (const auto& reading : readings_) {
    in_copy += reading.in_copy;
    const auto* decision = find_decision(decisions_, wire_name(reading.outcome.name), HeldKind::kMassDelete);
    bool decided = decision != nullptr && decision->status != HeldDecision::Status::kWaiting;
    if (!decided && !reading.reload && reading.shipment.change.gone) {
      leaving += reading.shipment.change.gone->count() - reading.shipment.change.gone->rejected();
    }
  }
  BrakeRule rule{context_.options.brake_min_rows, context_.options.brake_percent};
  bool client_trips = rule.trips(leaving, in_copy);
  for (auto& reading : readings_) SN_TRY(settle_reading(reading, client_trips, report));
  readings_.clear();
  return {};
}

Status SyncOnce::settle_reading(TableReading& reading, bool client_trips, RunReport& report) {
  std::string table = wire_name(reading.outcome.name);
  const auto* vanished = find_decision(decisions_, table, HeldKind::kVanishedTable);
  if (vanished != nullptr && vanished->status != HeldDecision::Status::kRejected) {  // it is back
    close_decision(*vanished, "withdrawn");
  }
  if (reading.reload && hold_reload(reading, report)) {
    left_behind_.insert(reading.outcome.name);
    return {};
  }
  SN_TRY(settle_gone(reading, client_trips));
  TableShipment& shipment = reading.shipment;
  if (shipment.change.touched) SN_TRY(memory_->write_table({reading.outcome.name, shipment.change.image}));
  if (shipment.change.gone && shipment.change.gone->count() > 0) {
    SN_TRY(remember_gone(*memory_, reading.outcome.name, *shipment.change.gone, shipment.gone));
  }
  const TableOutcome& outcome = reading.outcome;
  if (outcome.inserted + outcome.updated + outcome.removed + outcome.held > 0)
    report.tables.push_back(outcome);
  shipment_.tables.push_back(std::move(shipment));
  return {};
}

Status SyncOnce::settle_gone(TableReading& reading, bool client_trips) {
  TableShipment& shipment = reading.shipment;
  // What left the source while it was loaded was never in the copy: nothing to brake.
  if (!shipment.change.gone || reading.reload) return {};
  std::string table = wire_name(reading.outcome.name);
  int64_t leaving = shipment.change.gone->count() - shipment.change.gone->rejected();
  const auto* decision = find_decision(decisions_, table, HeldKind::kMassDelete);
  auto status = decision == nullptr ? std::optional<HeldDecision::Status>() : decision->status;
  BrakeRule rule{context_.options.brake_min_rows, context_.options.brake_percent};
  if (leaving == 0) {
    bool open = status == HeldDecision::Status::kWaiting || status == HeldDecision::Status::kReleased;
    if (open) close_decision(*decision, "withdrawn");
  } else if (status == HeldDecision::Status::kRejected) {
    shipment.gone = GoneFate::kKeep;
    shipment.kept_because = decision->id;
  } else if (status == HeldDecision::Status::kReleased) {
    reading.outcome.removed = leaving;
    close_decision(*decision, "applied");
  } else if (status == HeldDecision::Status::kWaiting || client_trips ||
             rule.trips(leaving, reading.in_copy)) {
    shipment.gone = GoneFate::kHold;
    reading.outcome.held = leaving;
    reading.outcome.waiting = true;
    shipment_.held.push_back({table, HeldKind::kMassDelete, leaving, reading.in_copy});
  } else {
    reading.outcome.removed = leaving;
  }
  return {};
}

// A reload would replace the table by far fewer rows: that is a mass delete, too. The copy stays as it is
// meanwhile.
bool SyncOnce::hold_reload(const TableReading& reading, RunReport& report) {
  BrakeRule rule{context_.options.brake_min_rows, context_.options.brake_percent};
  int64_t missing = reading.in_copy - reading.outcome.rows;
  if (!rule.trips(missing, reading.in_copy)) return false;
  std::string table = wire_name(reading.outcome.name);
  const auto* decision = find_decision(decisions_, table, HeldKind::kMassDelete);
  if (decision != nullptr && decision->status == HeldDecision::Status::kReleased) {
    close_decision(*decision, "applied");
    return false;
  }
  shipment_.held.push_back({table, HeldKind::kMassDelete, missing, reading.in_copy});
  TableOutcome outcome;
  outcome.name = reading.outcome.name;
  outcome.rows = reading.outcome.rows;
  outcome.held = missing;
  outcome.waiting = true;
  report.tables.push_back(outcome);
  return true;
}

Status SyncOnce::vanished_tables(RunReport& report) {
  for (const auto& table : state_.tables) {
    bool present = std::any_of(schema_.tables.begin(), schema_.tables.end(),
                               [&](const SourceTable& source) { return source.name == table.name; });
    if (present || table.state != "present" || table.target.empty()) continue;
    SN_TRY(vanished_table(table, report));
  }
  return {};
}

Status SyncOnce::vanished_table(const CopyTable& table, RunReport& report) {
  std::string name = wire_name(table.name);
  SN_ASSIGN(int64_t rows, rows_in_copy(table.name));
  const auto* decision = find_decision(decisions_, name, HeldKind::kVanishedTable);
  bool released = decision != nullptr && decision->status == HeldDecision::Status::kReleased;
  CopyTable shape = table;
  if (decision != nullptr && decision->status == HeldDecision::Status::kRejected) {
    shape.state = "vanished";
    shape.reason = kKeptByDecision;
    shipment_.shapes.push_back(shape);
    shipment_.kept_tables.emplace_back(name, decision->id);
    return {};
  }
  TableOutcome outcome;
  outcome.name = table.name;
  if (!released) {
    outcome.held = rows;
    outcome.waiting = true;
    shipment_.held.push_back({name, HeldKind::kVanishedTable, rows, rows});
    report.tables.push_back(outcome);
    return {};
  }
  shipment_.operations.push_back(named_operation("retire", table.target));
  shape.state = "vanished";
  shape.reason = "dropped in the source";
  shape.target.clear();
  shape.columns.clear();
  shipment_.shapes.push_back(shape);
  close_decision(*decision, "applied");
  outcome.removed = rows;
  if (rows > 0) report.tables.push_back(outcome);
  return memory_->write_table({table.name, std::nullopt});
}

// Listed, never silent. What is listed no longer applies when the table is gone or is copied now.
Status SyncOnce::skipped_tables() {
  for (const auto& skipped : schema_.skipped) {
    const CopyTable* known = state_.table(skipped.name);
    if (known != nullptr && (known->state == "present" || known->reason == skipped.reason)) continue;
    CopyTable shape;
    shape.name = skipped.name;
    shape.state = "skipped";
    shape.reason = skipped.reason;
    if (known != nullptr) shape.next_column_id = known->next_column_id;
    shipment_.shapes.push_back(shape);
  }
  for (const auto& known : state_.tables) {
    bool listed = std::any_of(schema_.skipped.begin(), schema_.skipped.end(),
                              [&](const SkippedTable& s) { return s.name == known.name; });
    bool copied = std::any_of(schema_.tables.begin(), schema_.tables.end(),
                              [&](const SourceTable& t) { return t.name == known.name; });
    if (known.state != "skipped" || listed || copied) continue;
    CopyTable shape = known;
    shape.state = "vanished";
    shape.reason = "dropped in the source";
    shipment_.shapes.push_back(shape);
  }
  return {};
}

}  // namespace syncnode::sync
