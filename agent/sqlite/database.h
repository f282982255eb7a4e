// Database and Statement: a thin owner of SQLite's handles for files of our own (memory, scratch) and the
// base of the source reader. The only folder that includes sqlite3.h. Refuses to be shared: one thread at a
// time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/value.h"

struct sqlite3;
struct sqlite3_stmt;

namespace syncnode::sqlite {

// Translates the handle's last failure once: BUSY/LOCKED -> kUnavailable, CORRUPT/NOTADB -> kCorruption,
// FULL -> kResourceExhausted, CANTOPEN/READONLY -> kFailedPrecondition, INTERRUPT -> kCancelled, else
// kInternal.
Error translate_error(int code, sqlite3* handle, std::string_view doing);

class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // Parameters are 1-based and are copied unless said otherwise.
  void bind(int index, int64_t value);
  void bind_text(int index, std::string_view value);
  void bind_blob(int index, std::string_view value);
  void bind_value(int index, const ValueView& value);
  void bind_null(int index);
  // kBlob without a copy: the bytes must live until the next reset().
  void bind_borrowed_blob(int index, std::string_view value);

  Result<bool> step();  // true: a row is there
  Status run();         // step to the end, then reset
  void reset();         // also clears the bindings

  int column_count() const;
  ValueView column(int index) const;  // 0-based; borrowed until the next step() or reset()
  int64_t column_int64(int index) const;
  std::string_view column_bytes(int index) const;

 private:
  friend class Database;
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
  sqlite3_stmt* handle_ = nullptr;
};

class Database {
 public:
  enum class Mode { kReadWriteCreate, kReadOnly };
  // A file of our own; "" opens a private temporary database that spills to disk. Busy waits are bounded by
  // `busy_milliseconds`.
  static Result<Database> open_own(const std::string& path, Mode mode, int busy_milliseconds);

  Database() = default;
  explicit Database(sqlite3* handle) : handle_(handle) {}
  Database(Database&& other) noexcept;
  Database& operator=(Database&& other) noexcept;
  ~Database();

  Result<Statement> prepare(std::string_view sql);
  Status execute(const std::string& sql);  // one or more statements without results
  int64_t last_insert_rowid() const;
  int64_t changes() const;
  sqlite3* handle() const { return handle_; }  // for this folder only

 private:
  sqlite3* handle_ = nullptr;
};

}  // namespace syncnode::sqlite
