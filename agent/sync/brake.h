// Brake: deletes that look like an accident wait for a person. Its state lives in PostgreSQL
// (sync_metadata.held_changes), so it survives the loss of the local memory and is the same for both nodes.
// The rule is pure; the rest is SQL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "postgres/pipeline.h"
#include "postgres/script.h"
#include "sync/copy_state.h"

namespace syncnode::sync {

struct BrakeRule {
  int64_t min_rows = 100;
  int percent = 50;

  // Deletes above both: `removed` of the `in_copy` rows that the copy holds before.
  bool trips(int64_t removed, int64_t in_copy) const {
    return removed > min_rows && removed * 100 > in_copy * percent;
  }
};

enum class HeldKind { kMassDelete, kVanishedTable };

struct HeldDecision {
  std::string id;
  std::string table;  // wire name
  HeldKind kind = HeldKind::kMassDelete;
  enum class Status { kWaiting, kReleased, kRejected } status = Status::kWaiting;
};

Result<std::vector<HeldDecision>> read_decisions(postgres::Connection& connection, const CopyTarget& target);
// The same question as a part of a script, and its answer.
Status ask_decisions(postgres::Script& script, const CopyTarget& target);
std::vector<HeldDecision> decisions_of(const postgres::Rows& rows);
const HeldDecision* find_decision(const std::vector<HeldDecision>& decisions, const std::string& table,
                                  HeldKind kind);

struct HeldNow {
  std::string table;
  HeldKind kind = HeldKind::kMassDelete;
  int64_t rows_held = 0;
  int64_t rows_total = 0;
};

// Inside the data transaction.
Status record_held(postgres::Pipeline& pipeline, const CopyTarget& target, const HeldNow& held,
                   int64_t generation);
Status close_held(postgres::Pipeline& pipeline, const std::string& held_id, std::string_view status);

}  // namespace syncnode::sync
