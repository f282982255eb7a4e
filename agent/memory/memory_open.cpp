// Memory, how one is opened: made where none is, put aside where it is not ours to use.
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "memory/memory.h"

namespace syncnode::memory {
namespace {

constexpr char kFormat[] = "2";
constexpr char kFileName[] = "/memory.db";
constexpr int kBusyMilliseconds = 2000;

// Losing the last transactions to a power cut is fine (the sync id tells); a torn file is not, hence WAL.
constexpr char kSetup[] = R"(
  PRAGMA page_size = 4096;
  PRAGMA auto_vacuum = INCREMENTAL;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA cache_size = -4096;
)";

// All of them, or none.
constexpr char kTables[] = R"(
  BEGIN IMMEDIATE;
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
  COMMIT;
)";
constexpr char kHasTables[] = "SELECT count(*) = 11 FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'";

bool replaceable(const Error& error) {
  // kInternal: a damaged schema is no corruption to SQLite, only another schema.
  return error.code == ErrorCode::kCorruption || error.code == ErrorCode::kUnavailable ||
         error.code == ErrorCode::kFailedPrecondition || error.code == ErrorCode::kInternal;
}

}  // namespace

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

std::unique_ptr<Memory> Memory::open_settled(const std::string& directory) {
  const std::string path = directory + kFileName;
  if (::access(path.c_str(), F_OK) != 0) return nullptr;
  auto opened = sqlite::Database::open_own(path, sqlite::Database::Mode::kReadWriteCreate, 0);
  if (!opened) return nullptr;
  std::unique_ptr<Memory> memory(new Memory());
  memory->database_ = std::move(*opened);
  // What is wrong with it is found again by open(), which knows what to do about it, ignoring.
  if (!memory->set_up() || !memory->recall()) return nullptr;
  if (memory->format_ != kFormat || memory->fresh() || memory->generation_unknown()) return nullptr;
  // From here on it waits as any other.
  if (!memory->database_.execute("PRAGMA busy_timeout = " + std::to_string(kBusyMilliseconds)))
    return nullptr;
  return memory;
}

Status Memory::initialize(const std::string& deployment_id) {
  SN_TRY(set_up());
  SN_TRY(recall());
  if (format_.empty()) {
    uint64_t random = 0;
    if (::getrandom(&random, sizeof random, 0) != sizeof random) {
      return Error{ErrorCode::kInternal, "getrandom gave no bytes", ""};
    }
    SN_TRY(in_transaction("", [&]() -> Status {
      SN_TRY(put_meta("format", kFormat));
      SN_TRY(put_meta("seed", std::to_string(random)));
      return put_meta("deployment_id", deployment_id);
    }));
    SN_TRY(recall());
  }
  if (format_ != kFormat || deployment_id_ != deployment_id) {
    return Error{ErrorCode::kCorruption, "the local memory is of another format or client", ""};
  }
  return {};
}

Status Memory::set_up() {
  SN_TRY(database_.execute(kSetup));
  bool has_tables = false;
  {
    SN_ASSIGN(auto count, database_.prepare(kHasTables));
    SN_ASSIGN(const bool found, count.step());
    has_tables = found && count.column_int64(0) != 0;
  }
  if (!has_tables) SN_TRY(database_.execute(kTables));
  // A process that was frozen inside a transaction shows only to a writer.
  return database_.execute("BEGIN IMMEDIATE; COMMIT");
}

Status Memory::recall() {
  SN_ASSIGN(format_, meta("format"));
  SN_ASSIGN(deployment_id_, meta("deployment_id"));
  SN_ASSIGN(std::string seed, meta("seed"));
  seed_ = std::strtoull(seed.c_str(), nullptr, 10);
  SN_ASSIGN(sync_id_, meta("sync_id"));
  SN_ASSIGN(pending_sync_id_, meta("pending_sync_id"));
  owned_ = pending_sync_id_;
  return {};
}

}  // namespace syncnode::memory
