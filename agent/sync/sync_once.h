// SyncOnce: one snapshot of one client brought into the copy, under a term that the caller holds. The steps
// are those of docs/DESIGN.md ("One sync, step by step"). One object per run, one thread; `stop` ends it
// between steps.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "capture/capture.h"
#include "capture/trail_looks.h"
#include "memory/memory.h"
#include "sqlite/snapshot.h"
#include "sync/copy_state.h"
#include "sync/job_journal.h"
#include "sync/load_rounds.h"
#include "sync/load_sender.h"
#include "sync/opening.h"
#include "sync/read_attempts.h"
#include "sync/run.h"
#include "sync/shape_plan.h"
#include "sync/shipment.h"
#include "sync/table_load.h"

namespace syncnode::sync {

struct SyncContext {
  postgres::ConnectOptions connect;
  postgres::Connection& connection;
  CopyTarget target;
  std::string client_directory;  // memory and spools of this client
  std::string source_path;       // checked (host/source_path.h)
  const RunOptions& options;
  Log& log;
  Progress& progress;
  std::stop_token stop;
  const conflict::Policy& policy;                    // of this client
  std::unique_ptr<memory::Memory> memory = nullptr;  // of client_directory, where it was opened before
};

// A table as it was read, before it is decided what happens to rows that are gone.
struct TableReading {
  TableShipment shipment;
  int64_t in_copy = 0;  // rows the copy holds now
  bool reload = false;
  bool existed = false;
  TableOutcome outcome;
};

class SyncOnce {
 public:
  // `opening` must outlive it; what it says of the copy is where the run begins.
  SyncOnce(SyncContext& context, Opening& opening)
      : context_(context),
        journal_(opening.journal),
        state_(std::move(*opening.state)),
        decisions_(std::move(opening.decisions)),
        trail_(context.options.trail) {}

  // Until it returns successfully the copy is as it was. `report` is filled as far as it went.
  Status run(RunReport& report);

  // For verify: the memory now describes exactly the snapshot that was shipped.
  memory::Memory& memory() { return *memory_; }
  const SourceSchema& schema() const { return schema_; }

 private:
  Error cause(Error error);
  Status reconcile(RunReport& report);
  Status attempt(RunReport& report);
  void await_journals();
  void read_ahead();
  Status open_and_find();
  Status look();
  Status open_snapshot();
  void close_snapshot();
  Status keep_pages();
  bool may_go_in_rounds() const;
  Status look_at_journals();
  Status look_meanwhile();
  Status begin_rounds();
  Status read_in_rounds(RunReport& report);
  Result<bool> read_if_large(const SourceTable& table, RunReport& report);
  Status turn_snapshot();
  Status open_next();
  Status go_on();
  bool may_read_again(const Error& error, ReadAttempts& attempts) const;
  Status keep_first_part(const SourceTable& table);
  Result<bool> keep_rest();
  std::optional<std::vector<bool>> pages_of_rest();
  bool is_in_the_way() const;
  Status need_all_pages();
  class TableSnapshots;
  Result<LoadedTable> load_in_rounds(const SourceTable& table, const CopyTable& copy,
                                     const std::optional<LoadedTable>& earlier, TableLoadOptions options);
  Status catch_up_all(RunReport& report);
  Status catch_up(TableReading& reading, RunReport& report);
  Status read_tables(RunReport& report);
  Status read_table(const SourceTable& table, RunReport& report);
  void tell_capture(const CaptureTally& tally);
  sqlite::SnapshotOptions snapshot_options() const;
  Result<bool> is_large(const SourceTable& table);
  Result<TableShipment> merge_table(const SourceTable& table, ShapePlan plan, const CopyTable* existing,
                                    CaptureTally& tally);
  Result<bool> is_settled(const SourceTable& table);
  Result<TableShipment> reload_table(const SourceTable& table, ShapePlan plan, const CopyTable* existing);
  Result<TableShipment> create_small(const SourceTable& table, const ShapePlan& plan);
  Result<TableShipment> load_large(const SourceTable& table, ShapePlan plan);
  Result<std::optional<LoadedTable>> earlier_load(const SourceTable& table, CopyTable& copy);
  enum class Loads { kAll, kOrphans };
  Status discard_loads(Loads which);
  Status settle_tables(RunReport& report);
  Status settle_reading(TableReading& reading, bool client_trips, RunReport& report);
  Status settle_gone(TableReading& reading, bool client_trips);
  bool hold_reload(const TableReading& reading, RunReport& report);
  void close_decision(const HeldDecision& decision, std::string_view status);
  Status vanished_tables(RunReport& report);
  Status vanished_table(const CopyTable& table, RunReport& report);
  Status skipped_tables();
  Result<int64_t> rows_in_copy(const std::string& table);
  void lend_connection();
  Status connect_again(RunReport& report);
  Status ship_all(RunReport& report);
  void followed();
  bool nothing_to_ship() const;
  RunReport shipped_report(RunReport report) const;

  // Frames that an application writes while it is read: it is at work, and a copy is worth it to be gone
  // early.
  static constexpr uint32_t kBusyLog = 16;

  SyncContext& context_;
  JobJournal& journal_;
  std::unique_ptr<memory::Memory> memory_;
  CopyState state_;
  std::vector<HeldDecision> decisions_;
  SourceSchema schema_;
  std::optional<capture::Capture> capture_;
  std::optional<LoadRounds> rounds_;  // of a first load that would keep the application's log too long
  bool may_turn_ = true;              // no load of this run came upon a key twice
  // What was copied of the pages that the last snapshot needs, in how many before it, and how many were not.
  struct Rest {
    std::shared_ptr<sqlite::PageImage> image;
    int snapshots = 0;
    std::optional<size_t> missing;
  };
  Rest rest_;
  bool has_journals_ = true;  // the trail of them was not waited for in vain
  // Of the table that is looked at: its last rowid in the snapshot, where there is no more.
  std::optional<int64_t> first_part_;
  bool was_busy_ = false;              // the application wrote to its log while the snapshot was waited for
  std::map<std::string, bool> large_;  // tables that travel in a load of their own
  std::shared_ptr<capture::Trail> trail_;       // of who follows the client; may be nothing
  std::shared_ptr<capture::Trail> load_trail_;  // where that is not enough for a load
  capture::Trail* trail() const { return load_trail_ ? load_trail_.get() : trail_.get(); }
  std::optional<capture::TrailLooks> looks_;  // while a load goes from snapshot to snapshot
  std::set<std::string> left_behind_;         // tables that the memory does not follow in this attempt
  std::unique_ptr<sqlite::Snapshot> snapshot_;
  int64_t log_bytes_ = 0;  // of the source, when the snapshot was opened
  std::unique_ptr<LoadSender> sender_;
  Shipment shipment_;
  std::vector<TableReading> readings_;
  bool rechecked_ = false;
  bool broke_ = false;  // a snapshot did: the next one is copied where that helps
  bool kept_ = false;   // no more pages than will be needed can be read in this attempt
  bool keeps_ = true;   // else more was read after all
  // Rollback mode: since then every snapshot gave way to the application (sqlite/snapshot.h, courtesy).
  Deadline gave_way_from_ = BootClock::now();
  bool loaded_ = false;
  bool lent_ = false;  // the connection is closed so that the sender can have one
};

}  // namespace syncnode::sync
