// One run on one client, a sync or a verify: under a lease taken for it (`sync-nodectl sync`, `verify`, the
// one-shot), or under the term of a node that leads. Refuses to run beside another writer. Blocking; `stop`
// ends it between steps.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/right_of_way.h"
#include "capture/changed_pages.h"
#include "capture/map_shelf.h"
#include "conflict/policy.h"
#include "model/source_schema.h"
#include "model/term.h"
#include "postgres/connection.h"

namespace syncnode::sync {

struct RunOptions {
  std::string database_url;
  std::string cluster_name;
  std::string state_directory;
  std::string client_name;
  std::optional<std::string> sqlite_path;  // instead of the registered one
  std::string application_name = "sync-node one-shot";
  std::shared_ptr<const RightOfWay> gives_way_to =
      nullptr;                          // the renewal of the term, as far as its keeper says
  std::string triggered_by = "manual";  // sync_jobs.triggered_by
  std::string job_id;                   // of a job that was queued; "" makes a new one
  bool full = false;      // do not trust the local memory: compare with the copy, ship what differs
  int batch_rows = 1000;  // BATCH_SIZE
  int64_t brake_min_rows = 100;
  int brake_percent = 50;
  std::shared_ptr<capture::MapShelf> maps;  // of clients of this process, between runs; may be nothing
  std::shared_ptr<capture::Trail> trail;    // what was seen of this client's log between runs; may be nothing
  std::shared_ptr<const conflict::Policy> policy;  // of the host; nothing: the built-in one
  std::chrono::seconds lease{60};
  std::chrono::seconds heartbeat{10};
  std::chrono::seconds lease_wait{10};  // how long to wait for another holder to finish
  uint64_t spool_bytes = uint64_t{1} << 30;
};

// What one reading of a source could do to its application.
struct ReadHarm {
  double transaction_seconds = 0;  // from the first read to the close
  double shared_seconds = 0;       // the longest hold of SHARED; rollback mode
  int64_t log_growth = 0;          // bytes the -wal grew meanwhile
};

// Called from the main thread and the load sender; must be quick and thread-safe.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void job(const std::string& /*id*/) {}  // once, when sync_jobs shows it
  virtual void phase(std::string_view name) = 0;  // "reading", "loading", "shipping", "comparing", …
  virtual void table(std::string_view name, int64_t done, int64_t total) = 0;  // total < 0: unknown
  virtual void read(const ReadHarm& /*harm*/) {}  // each time a snapshot was closed, whatever became of it
};

struct TableOutcome {
  std::string name;
  int64_t rows = 0;  // in the source's snapshot
  int64_t inserted = 0, updated = 0, removed = 0;
  int64_t quarantined = 0;  // values of this table now in quarantine
  int64_t held = 0;         // deletes (or a vanished table's rows) waiting for a person
  bool waiting = false;     // something of this table waits, be it a vanished table without rows
};

// Rows changed on both sides since the last sync, in one run.
struct ConflictTally {
  int64_t detected = 0;
  std::map<std::string, int64_t> resolved;  // by strategy
  std::map<std::string, int64_t> tables;    // those detected, by source name
  int64_t last_hour = 0;                    // of this client, these included
  int64_t resolutions() const;
};

// How it was found what changed in the source.
struct CaptureTally {
  std::string evidence;       // "unchanged", "log", "trail", "journals", "checksums"; "none" where there was
                              // nothing to go by
  int64_t pages_changed = 0;  // of the file, as far as the evidence tells them apart
  int64_t tables_unchanged = 0, tables_in_part = 0, tables_whole = 0;
  std::map<std::string, int64_t> whole_because;  // the reason, in how many tables
};

struct RunReport {
  std::string job_id;
  int64_t generation = 0, epoch = 0;
  std::string mode;                  // "first load", "incremental", "recheck", "unchanged"
  std::vector<TableOutcome> tables;  // those that changed or hold something
  std::vector<SkippedTable> skipped;
  int64_t tables_total = 0, rows_total = 0;
  uint64_t bytes_sent = 0, bytes_received = 0;
  double seconds = 0;
  CaptureTally capture;
  ConflictTally conflicts;
  int64_t conflicts_waiting = 0;        // of this client, for a person, after the run
  conflict::Notification notification;  // who is to hear of them
  bool held() const;                    // exit code 2
  bool waits() const { return held() || conflicts_waiting > 0; }  // exit code 2
};

// What sync_jobs says of a run that ended with this error: "fenced", "starved", "cancelled", else "failed".
std::string_view status_word(ErrorCode code);

Result<RunReport> run_sync(const RunOptions& options, Log& log, Progress& progress,
                           const std::stop_token& stop);
// `term` is held and renewed by the caller, who requests `stop` when it is lost; `options.lease…` are not
// used. `lent`, where its server is still there, spares the run a connection of its own. Afterwards it holds
// the run's, for the next one, unless that is lost or a pooler's.
Result<RunReport> run_sync_under(const Term& term, const RunOptions& options, Log& log, Progress& progress,
                                 const std::stop_token& stop, std::optional<postgres::Connection>& lent);

struct TableVerdict {
  std::string name;
  int64_t source_rows = 0, copy_rows = 0;
  std::string source_hash, copy_hash;  // order-independent, hex
  int64_t quarantined = 0, held = 0, kept = 0;
  // Rows that differ from the source on purpose; compared is what was shipped of them (open_edits.h). Of
  // `edited`, those the others do not name were edited, and their source has not changed since.
  int64_t edited = 0, target_kept = 0, merged = 0, waiting = 0;
  std::vector<std::string> differing;  // "chat id='…': missing in the copy", at most 100, bounded in bytes
  int64_t differing_total = 0;
  bool equal() const { return differing_total == 0 && source_hash == copy_hash; }
};

struct VerifyReport {
  int64_t generation = 0;
  std::vector<TableVerdict> tables;
  std::vector<SkippedTable> skipped;
  double seconds = 0;
  bool equal() const;
};

// What a verify is made of: the sync it begins with, and what the comparison after it found.
struct Verified {
  RunReport sync;
  VerifyReport report;
};

// Pins a snapshot, ships it, reads the copy back at that generation and compares decoded values: one job of
// sync_jobs, which keeps the report.
Result<Verified> run_verify(const RunOptions& options, Log& log, Progress& progress,
                            const std::stop_token& stop);
Result<Verified> run_verify_under(const Term& term, const RunOptions& options, Log& log, Progress& progress,
                                  const std::stop_token& stop, std::optional<postgres::Connection>& lent);

}  // namespace syncnode::sync
