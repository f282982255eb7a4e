#include "memory/memory.h"

#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/hex.h"

namespace syncnode::memory {
namespace {

constexpr char kFormat[] = "2";
constexpr char kFileName[] = "/memory.db";
constexpr int kBusyMilliseconds = 2000;
// Unused pages that may stay for the next change set: a share of the file, and some.
constexpr int64_t kSpareShare = 128;
constexpr int64_t kSparePages = 24;

// Losing the last transactions to a power cut is fine (the sync id tells); a torn file is not, hence WAL.
constexpr char kSetup[] = R"(
  PRAGMA page_size = 4096;
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA cache_size = -4096;
  CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS image(
    source TEXT PRIMARY KEY, image_id INTEGER NOT NULL, rows INTEGER NOT NULL, key_is_position INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS block(
    image_id INTEGER NOT NULL, first_position INTEGER NOT NULL, rows INTEGER NOT NULL, data BLOB NOT NULL);
  CREATE UNIQUE INDEX IF NOT EXISTS block_order ON block(image_id, first_position);
  CREATE TABLE IF NOT EXISTS kept(
    source TEXT NOT NULL, key BLOB NOT NULL, position INTEGER NOT NULL, quarantined INTEGER NOT NULL,
    hash BLOB NOT NULL, rejected INTEGER NOT NULL, PRIMARY KEY(source, key)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS load(
    source TEXT PRIMARY KEY, load_table TEXT NOT NULL, load_id TEXT NOT NULL, image_id INTEGER NOT NULL,
    rows INTEGER NOT NULL, key_is_position INTEGER NOT NULL, shape TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS page_chunk(
    kind INTEGER NOT NULL, tree INTEGER NOT NULL, first INTEGER NOT NULL, data BLOB NOT NULL);
  CREATE UNIQUE INDEX IF NOT EXISTS page_chunk_order ON page_chunk(kind, tree, first);
  CREATE TABLE IF NOT EXISTS pending_table(
    source TEXT PRIMARY KEY, image_id INTEGER, rows INTEGER NOT NULL, key_is_position INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS pending_block(
    image_id INTEGER NOT NULL, first_position INTEGER NOT NULL, rows INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY(image_id, first_position)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS pending_kept(
    source TEXT NOT NULL, key BLOB NOT NULL, position INTEGER NOT NULL, quarantined INTEGER NOT NULL,
    hash BLOB NOT NULL, rejected INTEGER NOT NULL, PRIMARY KEY(source, key)) WITHOUT ROWID;
)";

constexpr char kClearPending[] = R"(
  DELETE FROM pending_block;
  DELETE FROM pending_kept;
  DELETE FROM pending_table;
  DELETE FROM meta WHERE key = 'pending_sync_id';
  DELETE FROM block WHERE image_id NOT IN (SELECT image_id FROM image UNION SELECT image_id FROM load);
)";

constexpr char kApplyPending[] = R"(
  DELETE FROM block WHERE EXISTS (
    SELECT 1 FROM pending_block p WHERE p.image_id = block.image_id AND p.first_position = block.first_position);
  INSERT INTO block SELECT image_id, first_position, rows, data FROM pending_block WHERE rows > 0;
  DELETE FROM kept WHERE source IN (SELECT source FROM pending_table);
  INSERT INTO kept SELECT * FROM pending_kept;
  DELETE FROM image WHERE source IN (SELECT source FROM pending_table);
  INSERT INTO image SELECT source, image_id, rows, key_is_position FROM pending_table WHERE image_id IS NOT NULL;
  DELETE FROM load WHERE image_id IN (SELECT image_id FROM image);
  INSERT OR REPLACE INTO meta SELECT 'sync_id', value FROM meta WHERE key = 'pending_sync_id';
)";

Result<std::string> read_meta(sqlite::Database& database, std::string_view key) {
  SN_ASSIGN(auto statement, database.prepare("SELECT value FROM meta WHERE key = ?1"));
  statement.bind_text(1, key);
  SN_ASSIGN(bool found, statement.step());
  return found ? std::string(statement.column_bytes(0)) : std::string();
}

Result<int64_t> read_number(sqlite::Database& database, std::string_view sql) {
  SN_ASSIGN(auto statement, database.prepare(sql));
  SN_ASSIGN(bool found, statement.step());
  return found ? statement.column_int64(0) : 0;
}

bool replaceable(const Error& error) {
  // kInternal: a damaged schema is no corruption to SQLite, only another schema.
  return error.code == ErrorCode::kCorruption || error.code == ErrorCode::kUnavailable ||
         error.code == ErrorCode::kFailedPrecondition || error.code == ErrorCode::kInternal;
}

}  // namespace

KeptRecord read_kept_record(const sqlite::Statement& row) {
  KeptRecord kept;
  kept.record.key = row.column_bytes(0);
  kept.record.position = row.column_int64(1);
  kept.record.quarantined = row.column_int64(2) != 0;
  kept.record.hash = read_stored_hash(row.column_bytes(3));
  kept.rejected = row.column_int64(4) != 0;
  return kept;
}

Result<std::unique_ptr<Memory>> Memory::open(const std::string& directory, const std::string& deployment_id) {
  for (bool retried = false;; retried = true) {
    std::unique_ptr<Memory> memory(new Memory());
    auto opened = sqlite::Database::open_own(directory + kFileName, sqlite::Database::Mode::kReadWriteCreate,
                                             kBusyMilliseconds);
    Status ready = opened ? Status() : Status(opened.error());
    if (opened) {
      memory->database_ = std::move(opened).value();
      ready = memory->initialize(deployment_id);
    }
    if (ready) return memory;
    if (retried || !replaceable(ready.error())) return std::move(ready).error().with_context("local memory");
    memory.reset();
    SN_TRY(remove(directory));
  }
}

Status Memory::remove(const std::string& directory) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::string path = directory + kFileName + suffix;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      return Error{ErrorCode::kFailedPrecondition, "removing '" + path + "': " + std::strerror(errno),
                   "the state directory must belong to the user that runs sync-node"};
    }
  }
  return {};
}

Status Memory::initialize(const std::string& deployment_id) {
  SN_TRY(database_.execute(kSetup));
  // A process that was frozen inside a transaction shows only to a writer.
  SN_TRY(database_.execute("BEGIN IMMEDIATE; COMMIT"));
  SN_ASSIGN(std::string format, read_meta(database_, "format"));
  if (format.empty()) {
    uint64_t random = 0;
    if (::getrandom(&random, sizeof random, 0) != sizeof random) {
      return Error{ErrorCode::kInternal, "getrandom gave no bytes", ""};
    }
    SN_TRY(in_transaction("", [&]() -> Status {
      SN_TRY(put_meta("format", kFormat));
      SN_TRY(put_meta("seed", std::to_string(random)));
      return put_meta("deployment_id", deployment_id);
    }));
    format = kFormat;
  }
  SN_ASSIGN(std::string deployment, read_meta(database_, "deployment_id"));
  if (format != kFormat || deployment != deployment_id) {
    return Error{ErrorCode::kCorruption, "the local memory is of another format or client", ""};
  }
  SN_ASSIGN(std::string seed, read_meta(database_, "seed"));
  seed_ = std::strtoull(seed.c_str(), nullptr, 10);
  SN_ASSIGN(sync_id_, read_meta(database_, "sync_id"));
  SN_ASSIGN(pending_sync_id_, read_meta(database_, "pending_sync_id"));
  owned_ = pending_sync_id_;
  return {};
}

Status Memory::put_meta(const std::string& key, const std::string& value) {
  SN_ASSIGN(auto statement, database_.prepare("INSERT OR REPLACE INTO meta VALUES(?1, ?2)"));
  statement.bind_text(1, key);
  statement.bind_text(2, value);
  return statement.run();
}

// `owner` is the pending id that must still be in force; empty: whatever it is.
Status Memory::in_transaction(const std::string& owner, const std::function<Status()>& body) {
  SN_TRY(database_.execute("BEGIN IMMEDIATE"));
  auto attempt = [&]() -> Status {
    if (!owner.empty()) {
      SN_ASSIGN(std::string pending, read_meta(database_, "pending_sync_id"));
      if (pending != owner) {
        return Error{ErrorCode::kAborted, "another run took over the local memory",
                     "the next run starts from its result"};
      }
    }
    SN_TRY(body());
    return database_.execute("COMMIT");
  };
  Status done = attempt();
  if (!done) {
    // The first failure is the one to report, ignoring.
    [[maybe_unused]] auto rolled_back = database_.execute("ROLLBACK");
  }
  return done;
}

Result<std::optional<Image>> Memory::image(const std::string& table) {
  SN_ASSIGN(auto statement,
            database_.prepare("SELECT image_id, rows, key_is_position FROM image WHERE source = ?1"));
  statement.bind_text(1, table);
  SN_ASSIGN(bool found, statement.step());
  if (!found) return std::optional<Image>();
  return std::optional<Image>(
      Image{statement.column_int64(0), statement.column_int64(1), statement.column_int64(2) != 0});
}

Result<std::vector<std::string>> Memory::tables() {
  SN_ASSIGN(auto statement, database_.prepare("SELECT source FROM image ORDER BY source"));
  std::vector<std::string> names;
  while (true) {
    SN_ASSIGN(bool more, statement.step());
    if (!more) return names;
    names.emplace_back(statement.column_bytes(0));
  }
}

Status Memory::for_each_kept(const std::string& table,
                             const std::function<Status(const KeptRecord&)>& visit) {
  SN_ASSIGN(auto statement, database_.prepare("SELECT key, position, quarantined, hash, rejected FROM kept "
                                              "WHERE source = ?1 ORDER BY key"));
  statement.bind_text(1, table);
  while (true) {
    SN_ASSIGN(bool more, statement.step());
    if (!more) return {};
    SN_TRY(visit(read_kept_record(statement)));
  }
}

Status Memory::begin(const std::string& sync_id) {
  SN_TRY(in_transaction("", [&]() -> Status {
    SN_TRY(database_.execute(kClearPending));
    return put_meta("pending_sync_id", sync_id);
  }));
  owned_ = pending_sync_id_ = sync_id;
  return {};
}

Result<int64_t> Memory::new_image_id() {
  int64_t id = 0;
  SN_TRY(in_transaction(owned_, [&]() -> Status {
    SN_ASSIGN(std::string last, read_meta(database_, "last_image_id"));
    id = std::strtoll(last.c_str(), nullptr, 10) + 1;
    return put_meta("last_image_id", std::to_string(id));
  }));
  return id;
}

Status Memory::write_blocks(const std::vector<PendingBlock>& blocks, bool new_image) {
  if (blocks.empty()) return {};
  return in_transaction(owned_, [&]() -> Status {
    SN_ASSIGN(auto insert,
              database_.prepare(new_image ? "INSERT OR REPLACE INTO block VALUES(?1, ?2, ?3, ?4)"
                                          : "INSERT OR REPLACE INTO pending_block VALUES(?1, ?2, ?3, ?4)"));
    for (const auto& block : blocks) {
      insert.bind(1, block.image_id);
      insert.bind(2, block.first_position);
      insert.bind(3, block.rows);
      insert.bind_borrowed_blob(4, block.data);
      SN_TRY(insert.run());
    }
    return {};
  });
}

Status Memory::write_table(const PendingTable& table) {
  return in_transaction(owned_, [&]() -> Status {
    SN_ASSIGN(auto insert, database_.prepare("INSERT OR REPLACE INTO pending_table VALUES(?1, ?2, ?3, ?4)"));
    insert.bind_text(1, table.table);
    if (table.image) {
      insert.bind(2, table.image->id);
    } else {
      insert.bind_null(2);
    }
    insert.bind(3, table.image ? table.image->rows : 0);
    insert.bind(4, table.image && table.image->key_is_position ? 1 : 0);
    return insert.run();
  });
}

Status Memory::write_kept(const std::string& table, const std::vector<KeptRecord>& kept_records) {
  if (kept_records.empty()) return {};
  return in_transaction(owned_, [&]() -> Status {
    SN_ASSIGN(auto keep,
              database_.prepare("INSERT OR REPLACE INTO pending_kept VALUES(?1, ?2, ?3, ?4, ?5, ?6)"));
    for (const auto& kept : kept_records) {
      std::string hash;
      append_stored_hash(hash, kept.record.hash);
      keep.bind_text(1, table);
      keep.bind_blob(2, kept.record.key);
      keep.bind(3, kept.record.position);
      keep.bind(4, kept.record.quarantined ? 1 : 0);
      keep.bind_blob(5, hash);
      keep.bind(6, kept.rejected ? 1 : 0);
      SN_TRY(keep.run());
    }
    return {};
  });
}

Status Memory::trim_image(int64_t image_id, int64_t position) {
  return in_transaction(owned_, [&]() -> Status {
    SN_ASSIGN(auto statement,
              database_.prepare("DELETE FROM block WHERE image_id = ?1 AND first_position > ?2"));
    statement.bind(1, image_id);
    statement.bind(2, position);
    return statement.run();
  });
}

Status Memory::mark_load(const LoadMark& mark) {
  return in_transaction(owned_, [&]() -> Status {
    SN_ASSIGN(auto insert,
              database_.prepare("INSERT OR REPLACE INTO load VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
    insert.bind_text(1, mark.table);
    insert.bind_text(2, mark.load_table);
    insert.bind_text(3, mark.load_id);
    insert.bind(4, mark.image.id);
    insert.bind(5, mark.image.rows);
    insert.bind(6, mark.image.key_is_position ? 1 : 0);
    insert.bind_text(7, mark.shape);
    return insert.run();
  });
}

Status Memory::forget_load(const std::string& table) {
  return in_transaction(owned_, [&]() -> Status {
    SN_ASSIGN(auto statement, database_.prepare("DELETE FROM load WHERE source = ?1"));
    statement.bind_text(1, table);
    return statement.run();
  });
}

Result<std::vector<LoadMark>> Memory::loads() {
  SN_ASSIGN(auto statement,
            database_.prepare(
                "SELECT source, load_table, load_id, image_id, rows, key_is_position, shape FROM load"));
  std::vector<LoadMark> marks;
  while (true) {
    SN_ASSIGN(bool more, statement.step());
    if (!more) return marks;
    marks.push_back(
        {std::string(statement.column_bytes(0)), std::string(statement.column_bytes(1)),
         std::string(statement.column_bytes(2)),
         Image{statement.column_int64(3), statement.column_int64(4), statement.column_int64(5) != 0},
         std::string(statement.column_bytes(6))});
  }
}

Status Memory::confirm(const std::function<Status()>& also) {
  return apply(owned_, also);  // begun under the very id that the copy holds
}

Status Memory::confirm_rebuilt(const std::string& sync_id) {
  return apply(sync_id, [this] { return database_.execute("DELETE FROM page_chunk"); });
}

Status Memory::apply(const std::string& sync_id, const std::function<Status()>& also) {
  SN_TRY(in_transaction(owned_, [&]() -> Status {
    SN_TRY(database_.execute(kApplyPending));
    SN_TRY(put_meta("sync_id", sync_id));
    if (also) SN_TRY(also());
    return database_.execute(kClearPending);
  }));
  sync_id_ = sync_id;
  pending_sync_id_.clear();
  give_back_pages();
  return {};
}

Status Memory::discard(const std::function<Status()>& also) {
  SN_TRY(in_transaction(owned_, [&]() -> Status {
    if (also) SN_TRY(also());
    return database_.execute(kClearPending);
  }));
  pending_sync_id_.clear();
  give_back_pages();
  return {};
}

void Memory::give_back_pages() {
  auto shrink = [&]() -> Status {
    SN_ASSIGN(int64_t pages, read_number(database_, "PRAGMA page_count"));
    SN_ASSIGN(int64_t spare, read_number(database_, "PRAGMA freelist_count"));
    if (spare <= kSparePages + pages / kSpareShare) return {};
    return database_.execute("PRAGMA incremental_vacuum");
  };
  // The change set is settled either way; pages that stay are used by the next one, ignoring.
  [[maybe_unused]] auto shrunk = shrink();
}

}  // namespace syncnode::memory
