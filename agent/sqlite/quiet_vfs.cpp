#include "sqlite/quiet_vfs.h"

#include <sqlite3.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace syncnode::sqlite {

struct QuietVfs::State {
  const SourceFile* file = nullptr;
  ReadGuard* guard = nullptr;
  sqlite3_vfs* base = nullptr;
  sqlite3_vfs vfs{};
  std::string name;
  uint64_t bytes_read = 0;
  std::optional<Error> broken;

  int fail(Error error, int code) {
    if (!broken) broken = std::move(error);
    return code;
  }
};

namespace {

using State = QuietVfs::State;

// An opcode of our own for sqlite3_file_control; SQLite leaves those above 100 to the VFS.
constexpr int kExplainOpcode = 0x51564653;

// SQLite allocates this with the largest of all VFS files' sizes; the first member is its own.
struct QuietFile {
  sqlite3_file base;
  State* state;
  bool is_wal;
};

QuietFile* self(sqlite3_file* file) {
  return reinterpret_cast<QuietFile*>(file);
}

int quiet_close(sqlite3_file*) {
  return SQLITE_OK;
}

int finish_read(State& state, void* buffer, int size, size_t got) {
  state.bytes_read += got;
  if (got == static_cast<size_t>(size)) return SQLITE_OK;
  std::memset(static_cast<char*>(buffer) + got, 0, static_cast<size_t>(size) - got);
  return SQLITE_IOERR_SHORT_READ;
}

int quiet_read(sqlite3_file* file, void* buffer, int size, sqlite3_int64 offset) {
  State& state = *self(file)->state;
  if (state.broken) return SQLITE_IOERR_READ;
  if (self(file)->is_wal) {
    const int fd = state.guard->wal_fd();
    const ssize_t got = fd < 0 ? 0 : read_fully(fd, buffer, static_cast<size_t>(size), offset);
    if (got >= 0) return finish_read(state, buffer, size, static_cast<size_t>(got));
    const std::string why = std::strerror(errno);
    return state.fail({ErrorCode::kUnavailable, "reading '" + state.file->wal_path() + "': " + why, ""},
                      SQLITE_IOERR_READ);
  }
  auto got = state.guard->read_main(buffer, static_cast<size_t>(size), offset);
  if (!got) return state.fail(std::move(got).error(), SQLITE_IOERR_READ);
  return finish_read(state, buffer, size, *got);
}

int quiet_write(sqlite3_file*, const void*, int, sqlite3_int64) {
  return SQLITE_READONLY;
}
int quiet_truncate(sqlite3_file*, sqlite3_int64) {
  return SQLITE_READONLY;
}
int quiet_sync(sqlite3_file*, int) {
  return SQLITE_READONLY;
}

int quiet_size(sqlite3_file* file, sqlite3_int64* size) {
  State& state = *self(file)->state;
  auto bytes = self(file)->is_wal ? state.guard->wal_size() : state.guard->main_size();
  if (!bytes) return state.fail(std::move(bytes).error(), SQLITE_IOERR_FSTAT);
  *size = *bytes;
  return SQLITE_OK;
}

int quiet_lock(sqlite3_file* file, int level) {
  State& state = *self(file)->state;
  if (level > SQLITE_LOCK_SHARED) return SQLITE_READONLY;
  auto acquired = state.guard->acquire();
  if (!acquired) return state.fail(std::move(acquired).error(), SQLITE_IOERR_RDLOCK);
  return SQLITE_OK;
}

int quiet_unlock(sqlite3_file* file, int level) {
  if (level == SQLITE_LOCK_NONE) self(file)->state->guard->release();
  return SQLITE_OK;
}

int quiet_check_reserved(sqlite3_file*, int* reserved) {
  *reserved = 0;
  return SQLITE_OK;
}

int quiet_control(sqlite3_file* file, int opcode, void* argument) {
  if (opcode != kExplainOpcode || self(file)->is_wal) return SQLITE_NOTFOUND;
  State& state = *self(file)->state;
  if (!state.broken) {
    if (auto checked = state.guard->check(); !checked) state.broken = std::move(checked).error();
  }
  *static_cast<std::optional<Error>*>(argument) = state.broken;
  return SQLITE_OK;
}

int quiet_sector(sqlite3_file*) {
  return 4096;
}
int quiet_characteristics(sqlite3_file*) {
  return 0;
}

int quiet_shm_map(sqlite3_file* file, int region, int size, int, void volatile** out) {
  return self(file)->state->guard->map_shm(region, size, out);
}
int quiet_shm_lock(sqlite3_file* file, int slot, int count, int flags) {
  return self(file)->state->guard->lock_shm(slot, count, flags);
}
void quiet_shm_barrier(sqlite3_file*) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
}
int quiet_shm_unmap(sqlite3_file*, int) {
  return SQLITE_OK;
}

constexpr sqlite3_io_methods make_methods() {
  sqlite3_io_methods methods{};
  methods.iVersion = 2;  // 3 would offer xFetch, memory mapped reads
  methods.xClose = quiet_close;
  methods.xRead = quiet_read;
  methods.xWrite = quiet_write;
  methods.xTruncate = quiet_truncate;
  methods.xSync = quiet_sync;
  methods.xFileSize = quiet_size;
  methods.xLock = quiet_lock;
  methods.xUnlock = quiet_unlock;
  methods.xCheckReservedLock = quiet_check_reserved;
  methods.xFileControl = quiet_control;
  methods.xSectorSize = quiet_sector;
  methods.xDeviceCharacteristics = quiet_characteristics;
  methods.xShmMap = quiet_shm_map;
  methods.xShmLock = quiet_shm_lock;
  methods.xShmBarrier = quiet_shm_barrier;
  methods.xShmUnmap = quiet_shm_unmap;
  return methods;
}
constexpr sqlite3_io_methods kMethods = make_methods();

State& state_of(sqlite3_vfs* vfs) {
  return *static_cast<State*>(vfs->pAppData);
}

int vfs_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  State& state = state_of(vfs);
  file->pMethods = nullptr;
  // Sorting spills to a nameless file in the system's temporary directory, never beside the source.
  if (!name) return state.base->xOpen(state.base, name, file, flags, out_flags);
  const bool is_main = (flags & SQLITE_OPEN_MAIN_DB) && state.file->path() == name;
  const bool is_wal = (flags & SQLITE_OPEN_WAL) && state.file->wal_path() == name;
  if (!is_main && !is_wal) return SQLITE_CANTOPEN;
  auto* quiet = new (file) QuietFile{};
  quiet->base.pMethods = &kMethods;
  quiet->state = &state;
  quiet->is_wal = is_wal;
  if (out_flags) {
    *out_flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
  }
  return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs*, const char*, int) {
  return SQLITE_IOERR_DELETE;
}

// SQLite asks for the -wal, to choose its mode, and for the journal. The guard was chosen by the first, and
// looks for the second itself whenever it takes SHARED.
int vfs_access(sqlite3_vfs* vfs, const char* name, int, int* out) {
  State& state = state_of(vfs);
  *out = state.guard->journal_mode() == JournalMode::kWal && state.file->wal_path() == name ? 1 : 0;
  return SQLITE_OK;
}

int vfs_full_path(sqlite3_vfs*, const char* name, int size, char* out) {
  const std::string_view path(name);
  if (path.size() + 1 > static_cast<size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, name, path.size() + 1);
  return SQLITE_OK;
}

}  // namespace

QuietVfs::QuietVfs(const SourceFile& file, ReadGuard& guard) : state_(std::make_unique<State>()) {
  static std::atomic<uint64_t> next{0};
  state_->file = &file;
  state_->guard = &guard;
  state_->base = sqlite3_vfs_find("unix");
  state_->name = "quiet-" + std::to_string(next++);
  state_->vfs = *state_->base;  // time, randomness and sleeping are the unix VFS's
  sqlite3_vfs& vfs = state_->vfs;
  vfs.iVersion = 2;
  vfs.szOsFile = std::max(static_cast<int>(sizeof(QuietFile)), state_->base->szOsFile);
  vfs.pNext = nullptr;
  vfs.zName = state_->name.c_str();
  vfs.pAppData = state_.get();
  vfs.xOpen = vfs_open;
  vfs.xDelete = vfs_delete;
  vfs.xAccess = vfs_access;
  vfs.xFullPathname = vfs_full_path;
  vfs.xDlOpen = nullptr;
  sqlite3_vfs_register(&vfs, 0);
}

QuietVfs::~QuietVfs() {
  sqlite3_vfs_unregister(&state_->vfs);
}

const char* QuietVfs::name() const {
  return state_->name.c_str();
}

uint64_t QuietVfs::bytes_read() const {
  return state_->bytes_read;
}

Status QuietVfs::check() {
  if (!state_->broken) {
    if (auto checked = state_->guard->check(); !checked) state_->broken = std::move(checked).error();
  }
  return state_->broken ? Status(*state_->broken) : Status();
}

std::optional<Error> broken_snapshot(sqlite3* handle) {
  std::optional<Error> broken;
  if (handle) sqlite3_file_control(handle, "main", kExplainOpcode, &broken);
  return broken;
}

}  // namespace syncnode::sqlite
