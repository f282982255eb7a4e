// Connection: a narrow, non-blocking libpq client with a deadline on every wait. The only folder that
// includes libpq-fe.h. Refuses to be shared (one thread at a time), to retry, and to log. A deadline that
// passes closes the connection, since a late answer could not be told from the next one: only an application
// deadline covers a frozen server whose kernel still acknowledges (measured). Works through session- and
// transaction-mode poolers: no session state, no named prepared statements, no startup options.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/right_of_way.h"

struct pg_result;

namespace syncnode::postgres {

class Wire;

// One parameter. Text form unless `binary`; borrowed until the call returns.
struct Param {
  std::string_view bytes;
  bool is_null = false;
  bool binary = false;
  uint32_t type = 0;  // oid; 0 lets the server decide

  static Param null() { return {{}, true, false, 0}; }
  static Param text(std::string_view value) { return {value, false, false, 0}; }
  static Param binary_of(uint32_t type, std::string_view value) { return {value, false, true, type}; }
};

class Rows {
 public:
  explicit Rows(pg_result* result);
  int count() const;
  int columns() const;
  bool is_null(int row, int column) const;
  std::string_view text(int row, int column) const;  // bytes as sent; "" for NULL
  int64_t int64(int row, int column) const;          // of a text-form integer; 0 for NULL
  bool boolean(int row, int column) const;
  int64_t affected() const;      // of the command tag
  std::string_view tag() const;  // "INSERT 0 1", "COMMIT", …
  uint64_t size() const;         // bytes of all values

 private:
  std::shared_ptr<pg_result> result_;
};

// What a message of several statements came to: the results up to the first that failed.
struct Replies {
  std::vector<Rows> rows;
  std::optional<Error> failure;
};

struct ConnectOptions {
  std::string url;               // postgresql://…; never logged
  std::string application_name;  // "sync-node a", "sync-nodectl", …
  // Statements wait for it, and COPY data before each piece. Not given by who has it.
  std::shared_ptr<const RightOfWay> gives_way_to = nullptr;
};

class Connection {
 public:
  // Checks on the way: server >= 15, UTF-8 database, session_user is the URL's user (pooler suffix ".REF"
  // removed). "Tenant or user not found" becomes kFailedPrecondition with the corrected user in the hint.
  // `stop` ends the attempt, and later waits as stop_with() does: behind a pooler either may have to queue.
  static Result<Connection> open(const ConnectOptions& options, Deadline deadline,
                                 const std::stop_token& stop = {});

  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  // One statement with parameters (extended protocol, unnamed), text results.
  Result<Rows> query(std::string_view sql, const std::vector<Param>& params, Deadline deadline);
  Result<Rows> query_binary(std::string_view sql, const std::vector<Param>& params, Deadline deadline);
  // One or more statements without parameters (simple protocol); the last result.
  Result<Rows> simple(std::string_view sql, Deadline deadline);
  // The same; the result of each, one at least.
  Result<std::vector<Rows>> simple_all(std::string_view sql, Deadline deadline);
  // The same; `meanwhile` is done, without this connection, while the server is at it.
  Result<std::vector<Rows>> simple_all(std::string_view sql, Deadline deadline,
                                       const std::function<void()>& meanwhile);
  // The same; also the results of those before the one that failed.
  Replies simple_each(std::string_view sql, Deadline deadline);

  // COPY … FROM STDIN: begin, any number of chunks, then finish (rows copied) or abandon.
  Status copy_in_begin(std::string_view sql, Deadline deadline);
  Status copy_in_write(std::string_view bytes, Deadline deadline);
  Result<int64_t> copy_in_finish(Deadline deadline);
  void copy_in_abandon(std::string_view reason);

  // COPY … TO STDOUT: `on_chunk` gets each CopyData message; returning an error abandons the connection.
  Status copy_out(std::string_view sql, const std::function<Status(std::string_view)>& on_chunk,
                  Deadline deadline);

  // Sleeps until notices came (their payloads), `wake_fd` (may be -1) is readable or the deadline passed: the
  // latter two give none. Only where this session listens (postgres/hearing.h).
  Result<std::vector<std::string>> notices(Deadline deadline, int wake_fd);

  // From now on a stop request ends the wait under way: the connection closes, the call returns kCancelled.
  void stop_with(std::stop_token token);

  // Until the next call of this: whatever deadline a wait is given, it ends by `latest`.
  void limit(Deadline latest);

  bool usable() const;      // false once closed by a deadline or a lost connection
  bool alive();             // usable, and the server has not hung up while nobody asked; never waits
  void close();             // at once, without waiting for the server
  int backend_pid() const;  // of the first server process behind this connection
  // No pooler stands between: the session is ours alone, and holding it takes nothing from a small pool.
  bool is_direct() const { return direct_; }
  uint64_t bytes_sent() const;  // payload of queries and COPY, for the "bytes moved" figures
  uint64_t bytes_received() const;
  void count_anew();  // both, from now on

  // What the server keeps instead of a role's password (SCRAM-SHA-256), made here: no server log ever sees
  // one.
  Result<std::string> password_verifier(const std::string& role, const std::string& password);

  // Of the last call that failed with a server's error; "" when the failure was not the server's.
  const std::string& last_sqlstate() const;

  static std::string quote_literal(std::string_view text);
  static std::string quote_identifier(std::string_view name);

 private:
  friend class Pipeline;
  friend class Transaction;
  explicit Connection(std::unique_ptr<Wire> wire);
  Status may_ask() const;
  Result<Rows> run(std::string_view sql, const std::vector<Param>& params, bool binary, Deadline deadline);
  Status copy_in_failure(Deadline deadline);
  Result<Rows> check_session(const std::string& user, Deadline deadline);

  std::unique_ptr<Wire> wire_;
  bool direct_ = false;
};

// open() got through the login and no further. A pooler whose server connections are all in use lets its
// clients in and makes them wait; but a frozen server behind it looks the same.
bool was_kept_waiting(const Error& error);

// Transaction: BEGIN with the prologue that overrides whatever a pooled back end was left with (isolation,
// read-write, statement/lock/idle timeouts, synchronous_commit, search_path); rolls back unless committed.
struct TransactionOptions {
  std::chrono::milliseconds statement_timeout{60000};
  std::chrono::milliseconds lock_timeout{10000};
  std::chrono::milliseconds idle_timeout{15000};
  bool repeatable_read = false;
  // False: COMMIT does not wait for the disk. A server that crashes within its next 3 x wal_writer_delay may
  // forget the transaction, wholly, and those after it that did not wait either.
  // Statements with megabytes of parameters: a plan made for these alone copies them again and again.
  bool any_parameters = false;
  bool wait_for_disk = true;
};

class Pipeline;
class Script;

class Transaction {
 public:
  static Result<Transaction> begin(Connection& connection, const TransactionOptions& options,
                                   Deadline deadline);
  // The same as the first statements of a pipeline: begun once that has been answered.
  static Result<Transaction> begin(Pipeline& pipeline, const TransactionOptions& options,
                                   std::chrono::milliseconds wait);
  // A transaction of one statement without parameters, and one more statement after its COMMIT ("" for none),
  // all in one exchange. kOutcomeUnknown when the answer never came. Any other error may be of the statement
  // after the COMMIT: only for what may be done twice.
  struct Outcome {
    Rows rows;                  // of the transaction's statement
    std::optional<Rows> after;  // of the one after it
  };
  static Result<Outcome> once(Connection& connection, const TransactionOptions& options, std::string_view sql,
                              std::string_view after, Deadline deadline);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();  // ROLLBACK (or closes the connection when that does not answer within a second)

  // kOutcomeUnknown when COMMIT was sent and the answer never came; kAborted when the server rolled back.
  Status commit(Deadline deadline);
  // `last`, COMMIT and then `after`, as one message, of which the server begins nothing before it has all of
  // it: no lock that `last` takes can outlive a network that breaks between them. `after` is no part of the
  // transaction: `after_failure`, when given, tells that it failed, or was not answered, behind a COMMIT that
  // was.
  Status commit(const Script& last, const Script& after, Deadline deadline,
                std::optional<Error>* after_failure = nullptr);

 private:
  explicit Transaction(Connection& connection) : connection_(&connection) {}
  static Status can_begin(const Connection& connection);
  Connection* connection_;
};

}  // namespace syncnode::postgres
