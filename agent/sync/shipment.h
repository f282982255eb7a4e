// Shipment: everything one snapshot changes in the copy, in one fenced transaction: DDL, deletes, merges,
// quarantine, held changes, shapes, and (generation, epoch, sync id). All or nothing. One thread.
//
// Order inside: plain epoch check, work, the fence as the last statement, COMMIT. A fence taken first would
// let a writer that is frozen inside a statement block every takeover (measured). A small one takes two
// exchanges: a pipeline up to what must be known before it may be committed, and one message with fence and
// COMMIT.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "conflict/policy.h"
#include "json/json.h"
#include "postgres/script.h"
#include "sync/brake.h"
#include "sync/copy_state.h"
#include "sync/run.h"
#include "sync/table_diff.h"

namespace syncnode::sync {

// BEGIN and the plain check; kFenced when this term is not the current one.
Result<postgres::Transaction> begin_fenced(postgres::Connection& connection, const CopyTarget& target,
                                           const postgres::TransactionOptions& options);
// The same, and alone among shipments and decisions of this client until the transaction ends. `wait`: for
// whoever is at it; otherwise kUnavailable.
Result<postgres::Transaction> begin_alone(postgres::Connection& connection, const CopyTarget& target,
                                          const postgres::TransactionOptions& options, bool wait);
// The fence and COMMIT. kOutcomeUnknown: read the copy's position back.
Status commit_fenced(const CopyTarget& target, postgres::Transaction& transaction);
Status change_schema(postgres::Connection& connection, const CopyTarget& target, const json::Json& operations,
                     Deadline deadline);

enum class GoneFate { kRemove, kHold, kKeep };  // what happens to rows that the source no longer has

struct TableShipment {
  TableChange change;
  json::Json operations = json::Json::array();
  bool record_shape = false;
  GoneFate gone = GoneFate::kRemove;
  std::string kept_because;  // kKeep: the id of the rejected held change

  bool reshaped = false;  // … with another key or other types than before

  bool publishes() const;  // a table loaded anew takes its place
};

struct Shipment {
  std::string sync_id;
  std::string previous_sync_id;
  int64_t generation = 0;  // after
  std::string source_identity;
  std::string journal_mode;
  std::string source_schema;  // "" when unchanged
  std::vector<TableShipment> tables;
  std::vector<CopyTable> shapes;                // of tables without rows to ship: vanished, skipped
  json::Json operations = json::Json::array();  // tables that are put away
  std::vector<std::pair<std::string, std::string>> kept_tables;  // wire name, id of the rejected held change
  std::vector<HeldNow> held;
  std::vector<std::pair<std::string, std::string>> closed;  // held id, "applied" or "withdrawn"
  int batch_rows = 1000;
  const conflict::Policy* policy = nullptr;  // of this client
  std::string job_id;
  ConflictTally conflicts;                   // what shipping it came upon
  std::optional<int64_t> conflicts_waiting;  // for a person, where some rows were edited

  bool is_small() const;  // done before anybody could look how far it is
};

// What is said behind COMMIT, in the same message; asked for when all is known but whether it commits.
struct AfterCommit {
  std::function<postgres::Script()> script;
  bool said = false;             // all of it, for certain
  std::optional<Error> failure;  // after a COMMIT that was seen
};

Status ship(postgres::Connection& connection, const CopyTarget& target, Shipment& shipment,
            const std::function<void(const std::string& table, int64_t rows)>& progress, AfterCommit& after);

}  // namespace syncnode::sync
