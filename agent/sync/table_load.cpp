#include "sync/table_load.h"

#include <algorithm>
#include <limits>

#include "capture/key_ranges.h"
#include "codec/bytes.h"
#include "memory/image_cursor.h"
#include "sync/shape_plan.h"
#include "sync/source_rows.h"
#include "sync/uuid.h"

namespace syncnode::sync {
namespace {

// The first chunks are small, so that the server begins early.
constexpr uint64_t kFirstChunkBytes = uint64_t{1} << 20;
constexpr uint64_t kChunkBytes = uint64_t{8} << 20;
// A chunk stays in memory while the sender keeps up: what goes to the disk is what the application's next
// fsync waits for. With one being sent and one being read these are at most 25 MB.
constexpr uint64_t kMostAhead = kChunkBytes;
constexpr size_t kChunkMemory = kChunkBytes + (size_t{1} << 20);
constexpr int64_t kProgressRows = 4096;
constexpr int64_t kLookRows = 16;
constexpr int64_t kStart = std::numeric_limits<int64_t>::min(), kEnd = std::numeric_limits<int64_t>::max();
constexpr char kDrain[] = "reading goes on when the spool has been sent";

// The read transaction must not wait for the network: it ends here and a later snapshot goes on.
Error spool_full() {
  return {ErrorCode::kResourceExhausted, "the spool is full", kDrain};
}

class Load {
 public:
  Load(sqlite::Snapshot& snapshot, const SourceTable& table, const CopyTable& copy, memory::Memory& memory,
       LoadSender& sender, LoadedTable state, const TableLoadOptions& options)
      : snapshot_(&snapshot),
        table_(table),
        copy_(copy),
        memory_(memory),
        sender_(sender),
        options_(options),
        state_(std::move(state)),
        writer_(memory, state_.mark.image, true) {}

  // Above `after`, where that is given.
  Result<LoadedTable> run(std::optional<int64_t> after) {
    int64_t before = state_.load.rows;
    if (options_.snapshots != nullptr) {
      SN_ASSIGN(const auto reach, options_.snapshots->first(after));
      snapshot_ = reach.snapshot;
      last_ = reach.last;
    }
    SN_TRY(open_rows(after));
    while (true) {
      SN_ASSIGN(bool more, rows_->next());
      if (!more && last_ == kEnd) break;
      if (!more) {
        SN_TRY(turn(last_));
        continue;
      }
      // Two rows of one position must not be parted: a resumed load goes on behind a position.
      const bool parted = chunk_rows_ > 0 && rows_->position() != state_.load.last_position;
      if (parted && tuples_->size() >= chunk_bytes_) SN_TRY(end_chunk(false));
      if (parted && options_.snapshots != nullptr && snapshot_rows_ % kLookRows == 1 &&
          options_.snapshots->outstays()) {
        SN_TRY(turn(state_.load.last_position));
        continue;
      }
      SN_TRY(add(*rows_));
      if (++seen_ % kProgressRows == 0) options_.progress(before + seen_);
    }
    SN_TRY(end_chunk(true));
    return std::move(state_);
  }

 private:
  Status open_rows(std::optional<int64_t> after) {
    SourceRowsOptions options{memory_.seed(), after, options_.spool_directory, nullptr};
    // From one rowid to another: SQLite looks for what comes after a rowid from that rowid on, in a leaf that
    // was not copied.
    if (options_.snapshots != nullptr && (!after || *after < kEnd)) {
      reach_ = capture::KeyRanges();
      reach_.add({after ? *after + 1 : kStart, last_});
      options.ranges = &reach_;
    }
    SN_ASSIGN(rows_, open_source_rows(*snapshot_, table_, copy_, options));
    return {};
  }

  // All rows up to `position` were read.
  Status turn(int64_t position) {
    rows_.reset();
    snapshot_rows_ = 0;
    SN_ASSIGN(const auto reach, options_.snapshots->next(position));
    snapshot_ = reach.snapshot;
    last_ = reach.last;
    return open_rows(position);
  }

  Status add(SourceRows& rows) {
    if (!tuples_) {
      tuples_.emplace(options_.spool_directory,
                      sender_.waiting_bytes() <= kMostAhead ? kChunkMemory : Spool::kBuffer);
    }
    SN_TRY(rows.encode(row_));
    tuple_.clear();
    codec::append_big_endian(tuple_, static_cast<uint16_t>(field_count()));
    if (copy_.keyed_by_column()) {
      codec::append_big_endian(tuple_, static_cast<uint32_t>(row_.key.size()));
      tuple_ += row_.key;
    }
    tuple_ += row_.fields;
    SN_TRY(tuples_->append(tuple_));
    if (!row_.quarantined.empty()) SN_TRY(spool_quarantined());
    state_.load.last_position = rows.position();
    ++chunk_rows_;
    ++snapshot_rows_;
    if (!row_.quarantined.empty()) ++state_.quarantined_rows;
    return writer_.add({rows.position(), row_.key, !row_.quarantined.empty(), rows.hash()});
  }

  Status spool_quarantined() {
    if (!quarantined_) quarantined_.emplace(options_.spool_directory);
    serialize(row_, tuple_);
    return append_record(*quarantined_, tuple_);
  }

  size_t field_count() const {
    size_t direct = copy_.keyed_by_column() ? 1 : 0;
    for (const auto& column : copy_.columns) direct += column.direct ? 1 : 0;
    return direct;
  }

  // The memory knows a chunk before it is sent: what the copy has beyond the memory could not be told apart.
  Status end_chunk(bool last) {
    SN_TRY(writer_.flush());
    state_.load.rows += chunk_rows_;
    state_.load.chunks += chunk_rows_ > 0 ? 1 : 0;
    state_.load.complete = last;
    state_.mark.image.rows = state_.load.rows;
    SN_TRY(memory_.mark_load(state_.mark));
    LoadTask task;
    task.copy = copy_;
    task.load_table = state_.load.load_table;
    task.tuples = std::move(tuples_);
    task.quarantined = std::move(quarantined_);
    task.after = state_.load;
    task.after.complete = false;
    SN_TRY(sender_.enqueue(std::move(task)));
    tuples_.reset();
    quarantined_.reset();
    chunk_rows_ = 0;
    chunk_bytes_ = std::min(2 * chunk_bytes_, kChunkBytes);
    if (!last) return sender_.waiting_bytes() > options_.spool_bytes ? spool_full() : Status();
    LoadTask key;
    key.copy = copy_;
    key.load_table = state_.load.load_table;
    key.operations.push_back(primary_key_operation(copy_, state_.load.load_table));
    key.after = state_.load;
    return sender_.enqueue(std::move(key));
  }

  sqlite::Snapshot* snapshot_;
  const SourceTable& table_;
  const CopyTable& copy_;
  memory::Memory& memory_;
  LoadSender& sender_;
  const TableLoadOptions& options_;
  LoadedTable state_;
  memory::ImageWriter writer_;
  std::optional<Spool> tuples_;
  std::optional<Spool> quarantined_;
  std::unique_ptr<SourceRows> rows_;
  int64_t snapshot_rows_ = 0;  // read in this one
  int64_t last_ = kEnd;        // the largest rowid that can be read in it
  capture::KeyRanges reach_;   // up to that
  int64_t chunk_rows_ = 0;
  uint64_t chunk_bytes_ = kFirstChunkBytes;
  int64_t seen_ = 0;
  EncodedRow row_;
  std::string tuple_;
};

Result<LoadedTable> begin_load(const SourceTable& table, const CopyTable& copy, memory::Memory& memory,
                               LoadSender& sender) {
  LoadedTable state;
  state.load.load_id = random_uuid();
  state.load.load_table = "_sync_load_" + state.load.load_id;
  state.load.table = table.name;
  SN_ASSIGN(int64_t image, memory.new_image_id());
  state.mark = {table.name,
                state.load.load_table,
                state.load.load_id,
                {image, 0, key_is_position(table, copy)},
                shape_json(copy)};
  SN_TRY(memory.mark_load(state.mark));
  LoadTask create;
  create.copy = copy;
  create.load_table = state.load.load_table;
  create.operations.push_back(create_load_operation(copy, state.load.load_table));
  create.after = state.load;
  SN_TRY(sender.enqueue(std::move(create)));
  return state;
}

}  // namespace

bool must_drain_spool(const Error& error) {
  return error.hint == kDrain;
}

Result<LoadedTable> load_table(sqlite::Snapshot& snapshot, const SourceTable& table, const CopyTable& copy,
                               memory::Memory& memory, LoadSender& sender,
                               const std::optional<LoadedTable>& earlier, const TableLoadOptions& options) {
  std::optional<int64_t> after;
  LoadedTable state;
  if (earlier) {
    state = *earlier;
    state.resumed = true;
    if (state.load.complete) return state;
    bool begun = state.load.chunks > 0;
    if (begun) after = state.load.last_position;
    SN_TRY(memory.trim_image(state.mark.image.id,
                             begun ? state.load.last_position : std::numeric_limits<int64_t>::min()));
  } else {
    SN_ASSIGN(state, begin_load(table, copy, memory, sender));
  }
  state.mark.shape = shape_json(copy);
  Load load(snapshot, table, copy, memory, sender, std::move(state), options);
  return load.run(after);
}

}  // namespace syncnode::sync
