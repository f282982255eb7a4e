#include "sqlite/database.h"

#include <sqlite3.h>

#include <optional>
#include <utility>

#include "sqlite/quiet_vfs.h"

namespace syncnode::sqlite {
namespace {

ErrorCode code_for(int primary_code) {
  switch (primary_code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return ErrorCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorruption;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return ErrorCode::kResourceExhausted;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
      return ErrorCode::kFailedPrecondition;
    case SQLITE_INTERRUPT:
      return ErrorCode::kCancelled;
    default:
      return ErrorCode::kInternal;
  }
}

// SQLite binds NULL for a null pointer; an empty view may hold one.
const char* start_of(std::string_view bytes) {
  return bytes.data() ? bytes.data() : "";
}

}  // namespace

Error translate_error(int code, sqlite3* handle, std::string_view doing) {
  // Under a snapshot that no longer holds, SQLite's own reason (corrupt, I/O error) is only the consequence.
  if (auto broken = broken_snapshot(handle)) return std::move(*broken);
  const int primary = code & 0xff;
  const char* why =
      handle && (sqlite3_errcode(handle) & 0xff) == primary ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  return Error{code_for(primary), std::string(doing) + ": " + why + " (sqlite " + std::to_string(code) + ")",
               ""};
}

Statement::Statement(Statement&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    sqlite3_finalize(handle_);
    handle_ = std::exchange(other.handle_, nullptr);
  }
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(handle_);
}

void Statement::bind(int index, int64_t value) {
  sqlite3_bind_int64(handle_, index, value);
}

void Statement::bind_text(int index, std::string_view value) {
  sqlite3_bind_text64(handle_, index, start_of(value), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void Statement::bind_blob(int index, std::string_view value) {
  sqlite3_bind_blob64(handle_, index, start_of(value), value.size(), SQLITE_TRANSIENT);
}

void Statement::bind_borrowed_blob(int index, std::string_view value) {
  sqlite3_bind_blob64(handle_, index, start_of(value), value.size(), SQLITE_STATIC);
}

void Statement::bind_null(int index) {
  sqlite3_bind_null(handle_, index);
}

void Statement::bind_value(int index, const ValueView& value) {
  switch (value.storage_class) {
    case StorageClass::kNull:
      bind_null(index);
      return;
    case StorageClass::kInteger:
      bind(index, value.integer);
      return;
    case StorageClass::kReal:
      sqlite3_bind_double(handle_, index, value.real);
      return;
    case StorageClass::kText:
      bind_text(index, value.bytes);
      return;
    case StorageClass::kBlob:
      bind_blob(index, value.bytes);
      return;
  }
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3* database = sqlite3_db_handle(handle_);
  return translate_error(sqlite3_extended_errcode(database), database, "running a statement");
}

Status Statement::run() {
  for (;;) {
    auto row = step();
    if (!row) {
      reset();
      return std::move(row).error();
    }
    if (!*row) break;
  }
  reset();
  return {};
}

void Statement::reset() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
}

int Statement::column_count() const {
  return sqlite3_column_count(handle_);
}

ValueView Statement::column(int index) const {
  switch (sqlite3_column_type(handle_, index)) {
    case SQLITE_INTEGER:
      return ValueView::of_integer(sqlite3_column_int64(handle_, index));
    case SQLITE_FLOAT:
      return ValueView::of_real(sqlite3_column_double(handle_, index));
    case SQLITE_TEXT:
      return ValueView::of_text(column_bytes(index));
    case SQLITE_BLOB:
      return ValueView::of_blob(column_bytes(index));
    default:
      return ValueView::null();
  }
}

int64_t Statement::column_int64(int index) const {
  return sqlite3_column_int64(handle_, index);
}

std::string_view Statement::column_bytes(int index) const {
  // The pointer first: asking for the length first may convert the text and move it.
  const void* data = sqlite3_column_type(handle_, index) == SQLITE_BLOB ? sqlite3_column_blob(handle_, index)
                                                                        : sqlite3_column_text(handle_, index);
  if (!data) return {};
  return {static_cast<const char*>(data), static_cast<size_t>(sqlite3_column_bytes(handle_, index))};
}

Result<Database> Database::open_own(const std::string& path, Mode mode, int busy_milliseconds) {
  const int access =
      mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  Database database(handle);
  if (code != SQLITE_OK) return translate_error(code, handle, "opening '" + path + "'");
  sqlite3_busy_timeout(handle, busy_milliseconds);
  return database;
}

Database::Database(Database&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Database& Database::operator=(Database&& other) noexcept {
  if (this != &other) {
    sqlite3_close_v2(handle_);
    handle_ = std::exchange(other.handle_, nullptr);
  }
  return *this;
}

// v2: a Statement that outlives us keeps the handle alive instead of dangling.
Database::~Database() {
  sqlite3_close_v2(handle_);
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, start_of(sql), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return translate_error(code, handle_, "preparing a statement");
  if (!statement) return Error{ErrorCode::kInvalidArgument, "the statement is empty", ""};
  return Statement(statement);
}

Status Database::execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return translate_error(code, handle_, "running a statement");
  return {};
}

int64_t Database::last_insert_rowid() const {
  return sqlite3_last_insert_rowid(handle_);
}

int64_t Database::changes() const {
  return sqlite3_changes64(handle_);
}

}  // namespace syncnode::sqlite
