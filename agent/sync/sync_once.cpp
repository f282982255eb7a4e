#include "sync/sync_once.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/thread_priority.h"
#include "sqlite/file_facts.h"
#include "sqlite/log_room.h"
#include "sync/recheck.h"
#include "sync/source_rows.h"
#include "sync/source_schema_json.h"
#include "sync/uuid.h"

namespace syncnode::sync {
namespace {

constexpr std::chrono::seconds kReadBackWait{20};
// Rollback mode: a read that is through soon gives way for less long than a copy of the file, and a writer
// waits for it for no longer than that: a few pages; more of them, or a pass over a file of this size.
constexpr std::chrono::milliseconds kBriefCourtesy{10}, kBriefHold{20};
constexpr std::chrono::milliseconds kLongCourtesy{250}, kLongHold{45};
constexpr int64_t kPassedInOneHold = int64_t{200} << 20;
// To lay out a map, or to copy a part; mostly a third of it. A writer who came right behind it tries again 78
// ms later, and then only after 103 (SQLite's busy handler).
constexpr std::chrono::milliseconds kPartHold{72};
// Who reads much takes what a log has to offer, and a writer who waits for his disk is no quiet one.
constexpr sqlite::LogRoom kRoomForAMap{800, std::chrono::milliseconds(400), std::chrono::milliseconds(15)};
constexpr sqlite::LogRoom kRoomForARound{400, std::chrono::milliseconds(250), std::chrono::milliseconds(15)};
constexpr sqlite::LogRoom kRoomForAPart{400, std::chrono::milliseconds(250), std::chrono::milliseconds(15)};

// Seen on the wire: did our transaction make it? A run that is stopped, or a server that does not answer,
// leaves that to the next run (reconcile()).
Result<bool> committed(const SyncContext& context, const std::string& sync_id) {
  const Deadline deadline = deadline_in(kReadBackWait);
  SN_ASSIGN(auto connection, postgres::Connection::open(context.connect, deadline, context.stop));
  connection.limit(deadline);
  SN_ASSIGN(auto state, read_copy_state(connection, context.target));
  return state.sync_id == sync_id;
}

int64_t bytes_of(const std::string& path) {
  const auto facts = sqlite::facts_of(path);
  return facts && facts->exists ? facts->size : 0;
}
int64_t log_bytes(const std::string& source) {
  return bytes_of(source + "-wal");
}
int64_t source_bytes(const std::string& source) {
  return bytes_of(source) + log_bytes(source);
}

Error stopped() {
  return {ErrorCode::kCancelled, "the run was stopped", ""};
}

}  // namespace

Status SyncOnce::run(RunReport& report) {
  // A node that stops gives its lease back when its jobs have ended: nothing is opened for one that just
  // began.
  if (context_.stop.stop_requested()) return stopped();
  SN_TRY(reconcile(report));
  ReadAttempts attempts;
  while (true) {
    if (context_.stop.stop_requested()) return stopped();
    report.tables.clear();
    report.skipped.clear();
    Status done = attempt(report);
    if (done) return done;
    Error why = cause(std::move(done).error());
    context_.log.debug("an attempt at '" + context_.target.deployment.client_name +
                       "' ended: " + why.message);
    broke_ = broke_ || why.code == ErrorCode::kAborted;
    // What an earlier run has loaded cannot be compared as a whole beside a writer who breaks that: a load of
    // which every part is known gets through.
    const bool is_stuck =
        why.code == ErrorCode::kAborted && rounds_ && rounds_->is_locked() && rounds_->has_lost();
    keeps_ = keeps_ && !(kept_ && why.code == ErrorCode::kAborted);
    close_snapshot();  // it never waits for the sender
    Status drained = sender_ ? sender_->finish() : Status();
    sender_.reset();
    SN_TRY(connect_again(report));
    if (must_load_anew(why) || (!drained && must_load_anew(drained.error()))) {
      may_turn_ = false;
      SN_ASSIGN(state_, read_copy_state(context_.connection, context_.target));
      SN_TRY(discard_loads(Loads::kAll));
    } else if (!drained) {
      return drained;
    } else if (!must_drain_spool(why) && why.code != ErrorCode::kAborted) {
      return why;
    } else if (why.code == ErrorCode::kAborted && !attempts.again(context_.stop)) {
      return Error{
          ErrorCode::kStarved,
          fmt::format("no consistent snapshot of '{}' in {} attempts: {}", context_.source_path,
                      attempts.broken(), why.message),
          "the application writes faster than the file can be read without delaying it; try again later"};
    }
    SN_ASSIGN(state_, read_copy_state(context_.connection, context_.target));
    if (is_stuck) SN_TRY(discard_loads(Loads::kAll));
    SN_ASSIGN(decisions_, read_decisions(context_.connection, context_.target));
  }
}

// Whether log and trail will tell is seen best when the wait for the snapshot is over.
void SyncOnce::read_ahead() {
  const auto options = snapshot_options();
  const int64_t bytes = source_bytes(context_.source_path);
  if (bytes <= options.live_image_bytes) return;
  const sqlite::LogWriting writing(context_.source_path);
  sqlite::wait_for_room(context_.source_path, options.log_room);
  if (looks_ && (!rounds_ || rounds_->is_locked())) await_journals();
  capture_->read_ahead(context_.source_path, trail(), bytes <= options.image_bytes, context_.stop);
  was_busy_ = writing.frames() >= kBusyLog;
}

Status SyncOnce::open_snapshot() {
  log_bytes_ = log_bytes(context_.source_path);
  const auto options = snapshot_options();
  // The next one that does not give way comes no sooner.
  if (options.courtesy.count() == 0) gave_way_from_ = BootClock::now();
  SN_ASSIGN(snapshot_, sqlite::Snapshot::open(context_.source_path, options));
  shipment_.source_identity = snapshot_->identity().to_string();
  shipment_.journal_mode = snapshot_->journal_mode() == sqlite::JournalMode::kWal ? "wal" : "rollback";
  return {};
}

void SyncOnce::close_snapshot() {
  if (!snapshot_) return;
  const auto seconds = [](std::chrono::nanoseconds span) {
    return std::chrono::duration<double>(span).count();
  };
  const int64_t grown = log_bytes(context_.source_path) - log_bytes_;
  const auto harm = snapshot_->harm();
  snapshot_.reset();
  context_.log.debug(fmt::format(
      "a snapshot of '{}' was open for {:.1f} ms, its lock held for {:.1f}; its -wal grew by {} bytes",
      context_.target.deployment.client_name, 1000 * seconds(harm.read_transaction),
      1000 * seconds(harm.longest_shared_hold), grown));
  context_.progress.read(
      {seconds(harm.read_transaction), seconds(harm.longest_shared_hold), std::max<int64_t>(grown, 0)});
}

// What was read from a snapshot that broke meanwhile may look like damage: then the break is the cause.
Error SyncOnce::cause(Error error) {
  if (!snapshot_ || (error.code != ErrorCode::kInternal && error.code != ErrorCode::kCorruption))
    return error;
  Status still_true = snapshot_->validate();
  return still_true ? error : std::move(still_true).error();
}

// The memory is only used when it describes what the copy holds; otherwise it is made to.
Status SyncOnce::reconcile(RunReport& report) {
  memory_ = std::move(context_.memory);
  if (!memory_) {
    SN_ASSIGN(memory_, memory::Memory::open(context_.client_directory, context_.target.deployment.id));
  }
  if (state_.sync_id.empty() && !memory_->fresh()) {
    memory_.reset();
    SN_TRY(memory::Memory::remove(context_.client_directory));
    SN_ASSIGN(memory_, memory::Memory::open(context_.client_directory, context_.target.deployment.id));
  }
  SN_TRY(discard_loads(Loads::kOrphans));
  if (state_.sync_id.empty()) return {};
  if (memory_->pending_sync_id() == state_.sync_id) SN_TRY(memory_->confirm());
  if (memory_->sync_id() == state_.sync_id && !context_.options.full) return {};
  rechecked_ = true;
  report.mode = "recheck";
  context_.progress.phase("comparing with the copy");
  return recheck(context_, *memory_, state_);
}

// A run that knows where to look reads a few pages: it copies no file into memory for that, unless the
// application closes it again and again.
sqlite::SnapshotOptions SyncOnce::snapshot_options() const {
  sqlite::SnapshotOptions options;
  options.gives_way_to = context_.options.gives_way_to;
  if (capture_->is_ready() && !broke_) options.live_image_bytes = 0;
  if (!capture_->is_ready()) options.log_room = kRoomForAMap;
  if (rounds_) options.log_room = rounds_->is_busy() ? kRoomForAPart : kRoomForARound;
  if (rounds_ && rounds_->is_last()) options.log_room = kRoomForAMap;
  if (looks_ && (broke_ || rounds_)) options.courtesy = std::chrono::milliseconds(0);
  if (looks_) options.hold = kPartHold;
  const int64_t bytes = source_bytes(context_.source_path);
  if (looks_ || !capture_->is_ready() || bytes <= options.image_bytes) return options;
  if (capture_->has_passed()) options.courtesy = kLongCourtesy;
  if (capture_->is_told()) options.courtesy = kBriefCourtesy;
  if (BootClock::now() < gave_way_from_ + options.courtesy) return options;
  options.courtesy = std::chrono::milliseconds(0);
  if (capture_->is_told()) {
    options.hold = kBriefHold;
  } else if (capture_->has_passed() || bytes <= kPassedInOneHold) {
    options.hold = kLongHold;
  }
  return options;
}

Status SyncOnce::open_and_find() {
  SN_TRY(open_snapshot());
  SN_ASSIGN(schema_, snapshot_->read_schema());
  return capture_->find(*snapshot_, schema_, trail());
}

// Opens a snapshot and finds what is to be read. As far as that is little, the application has it in its way
// until it is found, and no longer.
Status SyncOnce::look() {
  std::optional<FullShare> share;
  if (capture_->is_ready() || looks_) share.emplace();
  SN_TRY(open_and_find());
  if (capture_->lacks_pass()) {
    close_snapshot();
    share.reset();  // nothing of the application's is in our hands: a pass is bulk work
    capture_->pass(context_.source_path, context_.stop);
    share.emplace();
    SN_TRY(open_and_find());
  }
  SN_TRY(begin_rounds());
  return keep_pages();
}

Status SyncOnce::attempt(RunReport& report) {
  loaded_ = kept_ = false;
  shipment_ = {};
  shipment_.sync_id = random_uuid();
  shipment_.previous_sync_id = state_.sync_id;
  shipment_.generation = state_.generation + 1;
  shipment_.batch_rows = context_.options.batch_rows;
  shipment_.policy = &context_.policy;
  shipment_.job_id = journal_.job_id();
  SN_TRY(memory_->begin(shipment_.sync_id));
  context_.progress.phase("reading");
  left_behind_.clear();
  large_.clear();
  looks_.reset();
  load_trail_.reset();
  rounds_.reset();
  rest_ = {};
  has_journals_ = true;
  capture_.emplace(*memory_, context_.options.maps.get(), context_.client_directory);
  if (!rechecked_ && !state_.sync_id.empty()) SN_TRY(capture_->open());
  SN_TRY(look_at_journals());
  read_ahead();
  SN_TRY(look());
  SN_TRY(read_tables(report));
  SN_TRY(capture_->refresh(*snapshot_, left_behind_));
  SN_TRY(snapshot_->validate());
  close_snapshot();
  rest_ = {};  // what follows takes as long as the server does
  std::string schema_text = source_schema_json(schema_);
  if (schema_text != state_.source_schema) shipment_.source_schema = schema_text;
  return ship_all(report);
}

// What will be read is known: it is copied, and the application's log, or its lock, let go of before it is
// understood. Not again where something else was read after all.
Status SyncOnce::keep_pages() {
  const bool in_the_way = snapshot_->holds_shared() || (!broke_ && snapshot_->log_growth() >= kBusyLog);
  if (rounds_ || !keeps_ || !in_the_way) return {};
  for (const auto& table : schema_.tables) {
    if (reads_by_rowid(table)) continue;
    SN_ASSIGN(const bool settled, is_settled(table));
    if (!settled || capture_->finding(table.name).what != capture::Finding::What::kUnchanged) return {};
  }
  const auto needed = capture_->needed_pages();
  if (!needed) return {};
  SN_TRY(snapshot_->keep_pages(*needed));
  kept_ = true;
  return {};
}

// Behind a pooler a run holds one connection at any time: who holds one and waits for a second can wait for
// itself, or for a neighbour who does the same. While the sender sends, this one has nothing to say.
void SyncOnce::lend_connection() {
  if (context_.connection.is_direct()) return;
  context_.connection.close();
  lent_ = true;
}

Status SyncOnce::connect_again(RunReport& report) {
  if (!lent_ || context_.stop.stop_requested()) return {};
  SN_ASSIGN(auto again,
            postgres::Connection::open(context_.connect, deadline_in(kStatementWait), context_.stop));
  report.bytes_sent += context_.connection.bytes_sent();
  report.bytes_received += context_.connection.bytes_received();
  context_.connection = std::move(again);
  lent_ = false;
  return {};
}

bool SyncOnce::nothing_to_ship() const {
  bool touched = false;
  for (const auto& table : shipment_.tables) touched = touched || table.change.touched || table.record_shape;
  return !touched && !rechecked_ && shipment_.shapes.empty() && shipment_.operations.empty() &&
         shipment_.held.empty() && shipment_.closed.empty() && shipment_.kept_tables.empty() &&
         shipment_.source_schema.empty() && !state_.sync_id.empty();
}

Status SyncOnce::ship_all(RunReport& report) {
  if (sender_) {
    context_.progress.phase("loading");
    SN_TRY(sender_->finish());
    report.bytes_sent += sender_->bytes_sent();
    report.bytes_received += sender_->bytes_received();
    sender_.reset();
    SN_TRY(connect_again(report));
  }
  if (context_.stop.stop_requested()) return stopped();
  report.generation = state_.generation;
  report.conflicts_waiting = state_.conflicts_waiting;
  if (nothing_to_ship()) {
    report.mode = "unchanged";
    SN_TRY(memory_->discard([this] { return capture_->save(memory_->sync_id()); }));
    followed();
    return {};
  }
  context_.progress.phase("shipping");
  if (!shipment_.is_small()) SN_TRY(journal_.running(report.tables));
  AfterCommit after;
  after.script = [&] {
    RunReport told = shipped_report(report);
    told.bytes_sent += context_.connection.bytes_sent();
    told.bytes_received += context_.connection.bytes_received();
    return journal_.closing(told);
  };
  Status shipped = ship(
      context_.connection, context_.target, shipment_,
      [&](const std::string& table, int64_t rows) { context_.progress.table(table, rows, -1); }, after);
  if (!shipped && shipped.error().code == ErrorCode::kOutcomeUnknown) {
    SN_ASSIGN(bool ours, committed(context_, shipment_.sync_id));
    if (!ours)
      return Error{ErrorCode::kUnavailable, "the connection broke before the copy was changed",
                   "run it again"};
  } else if (!shipped) {
    // A copy that moved on under our feet is no broken snapshot: trying again at once would not help.
    Error why = std::move(shipped).error();
    if (why.code == ErrorCode::kAborted) why.code = ErrorCode::kUnavailable;
    return why;
  }
  Status remembered = memory_->confirm([this] { return capture_->save(shipment_.sync_id); });
  if (!remembered) {
    // The copy is right; another node that found our commit may have remembered it already.
    context_.log.warning("the local memory did not follow: " + remembered.error().message +
                         "; the next run rechecks it");
  } else {
    followed();
  }
  report = shipped_report(std::move(report));
  if (after.said) journal_.told();
  if (after.failure) {
    context_.log.warning("how the job ended could not be recorded with it: " + after.failure->to_string());
  }
  return {};
}

// The memory has followed: the next run goes on from this snapshot.
void SyncOnce::followed() {
  if (trail_) trail_->forget(capture_->position());
  capture_->keep();
}

// What it becomes with the COMMIT.
RunReport SyncOnce::shipped_report(RunReport report) const {
  report.generation = shipment_.generation;
  report.conflicts = shipment_.conflicts;
  report.notification = context_.policy.notification;
  report.conflicts_waiting = shipment_.conflicts_waiting.value_or(state_.conflicts_waiting);
  if (report.mode.empty()) report.mode = loaded_ && state_.sync_id.empty() ? "first load" : "incremental";
  return report;
}

// Load tables that cannot be finished, as state_ lists them: dropped in the copy, forgotten here. Orphans are
// those that only one side knows.
Status SyncOnce::discard_loads(Loads which) {
  SN_ASSIGN(auto marks, memory_->loads());
  auto operations = json::Json::array();
  for (const auto& load : state_.loads) {
    bool known = std::any_of(marks.begin(), marks.end(),
                             [&](const memory::LoadMark& mark) { return mark.load_id == load.load_id; });
    if (which == Loads::kAll || !known)
      operations.push_back(named_operation("discard_load", load.load_table));
  }
  if (!operations.empty()) {
    SN_ASSIGN(auto transaction, begin_fenced(context_.connection, context_.target, {}));
    SN_TRY(change_schema(context_.connection, context_.target, operations, deadline_in(kStatementWait)));
    SN_TRY(commit_fenced(context_.target, transaction));
  }
  for (const auto& mark : marks) {
    bool known = std::any_of(state_.loads.begin(), state_.loads.end(),
                             [&](const CopyLoad& load) { return load.load_id == mark.load_id; });
    if (which == Loads::kAll || !known) SN_TRY(memory_->forget_load(mark.table));
  }
  return {};
}

}  // namespace syncnode::sync
