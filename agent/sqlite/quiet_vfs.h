// QuietVfs: the file system SQLite sees when it reads a client's file: every open is for reading, nothing can
// be written, created, deleted, truncated, mapped or write-locked, because the functions for it refuse. What
// is read, and under which lock, is the ReadGuard's decision. Refuses to serve any file but the guard's main
// file, its -wal, and SQLite's own nameless scratch files. Registered under a name of its own for as long as
// it lives; used by one connection of one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sqlite/read_guard.h"

struct sqlite3;

namespace syncnode::sqlite {

class QuietVfs {
 public:
  // `guard` and `file` outlive this, and this outlives the connection.
  QuietVfs(const SourceFile& file, ReadGuard& guard);
  ~QuietVfs();
  QuietVfs(const QuietVfs&) = delete;
  QuietVfs& operator=(const QuietVfs&) = delete;

  const char* name() const;
  uint64_t bytes_read() const;
  // The first failure inside, or what the guard says now: kAborted when the snapshot is broken.
  Status check();

  struct State;

 private:
  std::unique_ptr<State> state_;
};

// Why a connection through a QuietVfs failed: nothing for other connections, and while the snapshot holds.
std::optional<Error> broken_snapshot(sqlite3* handle);

}  // namespace syncnode::sqlite
