// Settlement: what becomes of rows that others edited in the copy, once a shipment has written over them: the
// edit is put back where the source did not change the row, else it is a conflict and the policy decides.
// Everything happens inside the shipment's transaction, so nobody sees the row in between. Costs one
// statement per thousand rows shipped of tables with edits, and more only for rows that were edited. One
// thread.
#pragma once

#include <string>

#include "base/result.h"
#include "conflict/decide.h"
#include "conflict/policy.h"
#include "sync/array_param.h"
#include "sync/copy_state.h"
#include "sync/open_edits.h"
#include "sync/run.h"
#include "sync/settlement_page.h"

namespace syncnode::sync {

class Settlement {
 public:
  // All must outlive the settlement. `generation`: the one that is being shipped.
  Settlement(postgres::Connection& connection, const CopyTarget& target, const conflict::Policy& policy,
             std::string job_id, int64_t generation);

  // A row of `table` that was written or removed; flush() after its last one.
  Status add(const CopyTable& table, std::string_view key);
  Status flush(const CopyTable& table);
  // Every row of a table that was replaced as a whole. `reshaped`: its key or types are others now, so that
  // no edit can be carried over: the source's rows stay, and the log says what was lost.
  Status all_rows(const CopyTable& table, bool reshaped);

  const ConflictTally& tally() const { return tally_; }

 private:
  using Read = Result<std::vector<OpenEdit>> (Settlement::*)(const CopyTable&, ArrayParam*, std::string_view);
  Result<std::vector<OpenEdit>> read_open(const CopyTable& table, ArrayParam* keys, std::string_view after);
  Result<std::vector<OpenEdit>> read_orphaned(const CopyTable& table, ArrayParam* keys,
                                              std::string_view after);
  using Settle = void (Settlement::*)(const CopyTable&, const conflict::TablePolicy&, OpenEdit&,
                                      SettlementPage&);
  Status settle_pages(const CopyTable& table, ArrayParam* keys, Read read, Settle settle);
  void settle_row(const CopyTable& table, const conflict::TablePolicy& policy, OpenEdit& edit,
                  SettlementPage& page);
  void settle_orphan(const CopyTable& table, const conflict::TablePolicy& policy, OpenEdit& edit,
                     SettlementPage& page);
  void settle_agreement(const CopyTable& table, const conflict::TablePolicy& policy, const OpenEdit& edit,
                        bool source_has_it, SettlementPage& page);
  void settle_conflict(const CopyTable& table, const conflict::TablePolicy& policy, const OpenEdit& edit,
                       const conflict::RowImages& images, const conflict::Decision& decision,
                       SettlementPage& page);
  json::Json entry(const CopyTable& table, const OpenEdit& edit, const conflict::RowImages& images,
                   std::string_view strategy) const;

  postgres::Connection& connection_;
  const CopyTarget& target_;
  const conflict::Policy& policy_;
  const std::string job_id_;
  const int64_t generation_;
  ArrayParam keys_ = ArrayParam::of_bytea();
  ConflictTally tally_;
};

}  // namespace syncnode::sync
