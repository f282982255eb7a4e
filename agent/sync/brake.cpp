#include "sync/brake.h"

#include <algorithm>

#include "postgres/fill.h"
#include "sql/queries.h"

namespace syncnode::sync {
namespace {

using postgres::Param;

constexpr std::string_view kVanishedTable = "vanished_table";

std::string_view to_string(HeldKind kind) {
  return kind == HeldKind::kVanishedTable ? kVanishedTable : "mass_delete";
}

HeldDecision::Status status_of(std::string_view word) {
  if (word == "released") return HeldDecision::Status::kReleased;
  return word == "rejected" ? HeldDecision::Status::kRejected : HeldDecision::Status::kWaiting;
}

}  // namespace

Status ask_decisions(postgres::Script& script, const CopyTarget& target) {
  SN_ASSIGN(auto sql, postgres::fill(sql::brake_decisions, {{"schema", target.quoted_schema()}}));
  script.add(sql, {Param::text(target.deployment.client_name)});
  return {};
}

std::vector<HeldDecision> decisions_of(const postgres::Rows& rows) {
  std::vector<HeldDecision> decisions;
  decisions.reserve(static_cast<size_t>(rows.count()));
  for (int row = 0; row < rows.count(); ++row) {
    decisions.push_back(
        {std::string(rows.text(row, 0)), std::string(rows.text(row, 1)),
         rows.text(row, 2) == kVanishedTable ? HeldKind::kVanishedTable : HeldKind::kMassDelete,
         status_of(rows.text(row, 3))});
  }
  return decisions;
}

Result<std::vector<HeldDecision>> read_decisions(postgres::Connection& connection, const CopyTarget& target) {
  postgres::Script script;
  SN_TRY(ask_decisions(script, target));
  SN_ASSIGN(auto rows, connection.simple(script.text(), deadline_in(kStatementWait)));
  return decisions_of(rows);
}

const HeldDecision* find_decision(const std::vector<HeldDecision>& decisions, const std::string& table,
                                  HeldKind kind) {
  auto found = std::find_if(decisions.begin(), decisions.end(),
                            [&](const HeldDecision& d) { return d.table == table && d.kind == kind; });
  return found == decisions.end() ? nullptr : &*found;
}

Status record_held(postgres::Pipeline& pipeline, const CopyTarget& target, const HeldNow& held,
                   int64_t generation) {
  std::string kind(to_string(held.kind));
  std::string rows = std::to_string(held.rows_held);
  std::string total = std::to_string(held.rows_total);
  std::string at = std::to_string(generation);
  return pipeline.add(sql::brake_hold,
                      {Param::text(target.deployment.id), Param::text(held.table), Param::text(kind),
                       Param::text(rows), Param::text(total), Param::text(at)},
                      kStatementWait);
}

Status close_held(postgres::Pipeline& pipeline, const std::string& held_id, std::string_view status) {
  return pipeline.add(sql::brake_close, {Param::text(held_id), Param::text(status)}, kStatementWait);
}

}  // namespace syncnode::sync
