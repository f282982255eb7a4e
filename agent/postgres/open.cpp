#include <fmt/format.h>
#include <libpq-fe.h>

#include <memory>

#include "postgres/conninfo.h"
#include "postgres/sqlstate.h"
#include "postgres/wire.h"
#include "sql/queries.h"

namespace syncnode::postgres {
namespace {

using Handle = std::unique_ptr<pg_conn, decltype(&PQfinish)>;

constexpr int64_t kOldestServer = 150000;
constexpr char kKeptWaiting[] =
    "the pooler has no server connection to spare, or the server behind it is frozen";

// Ours first: libpq takes the last of equal keywords, so the URL may override all but the encoding.
Handle start(const ConnInfo& info, const Endpoint& endpoint, const std::string& application_name) {
  std::vector<std::pair<std::string, std::string>> options{
      {"application_name", application_name},
      // A negotiation of its own and, without a ticket cache, for nothing.
      {"gssencmode", "disable"},
      // For the server to notice us gone is not enough; these free a dead idle connection on our side.
      {"keepalives_idle", "5"},
      {"keepalives_interval", "2"},
      {"keepalives_count", "3"},
      {"tcp_user_timeout", "15000"},
  };
  options.insert(options.end(), info.options.begin(), info.options.end());
  options.emplace_back("client_encoding", "UTF8");
  options.emplace_back("host", endpoint.host);
  options.emplace_back("hostaddr", endpoint.address);
  options.emplace_back("port", endpoint.port);
  std::vector<const char*> names, values;
  for (const auto& [name, value] : options) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  return {PQconnectStartParams(names.data(), values.data(), 0), &PQfinish};
}

Error failed_attempt(pg_conn* connection, const ConnInfo& info) {
  const char* user = PQuser(connection);
  Error error = connect_failure(PQerrorMessage(connection), user == nullptr ? "" : user, info.password).error;
  if (error.message.empty()) error.message = "the connection attempt failed";
  return error;
}

Result<Handle> connect(const ConnInfo& info, const Endpoint& endpoint, const std::string& application_name,
                       Deadline deadline, int cancel_fd) {
  Handle connection = start(info, endpoint, application_name);
  if (connection == nullptr) return Error{ErrorCode::kResourceExhausted, "out of memory in libpq", ""};
  // Only verbose texts carry the SQLSTATE of a refused connection.
  PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);
  PostgresPollingStatusType step = PGRES_POLLING_WRITING;
  if (PQstatus(connection.get()) == CONNECTION_BAD) step = PGRES_POLLING_FAILED;
  while (step != PGRES_POLLING_OK) {
    if (step == PGRES_POLLING_FAILED) return failed_attempt(connection.get(), info);
    auto ready = wait_ready(PQsocket(connection.get()), cancel_fd, step == PGRES_POLLING_WRITING, deadline);
    if (!ready) {
      const std::string where = endpoint.address.empty() ? endpoint.host : endpoint.address;
      return std::move(ready).error().with_context(fmt::format("connecting to '{}'", where));
    }
    step = PQconnectPoll(connection.get());
  }
  return connection;
}

// The next address may help only when this one could not be reached.
bool worth_another(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kDeadlineExceeded;
}

bool same_user(std::string_view url_user, std::string_view session_user) {
  if (url_user == session_user) return true;
  // Supavisor's "ROLE.PROJECT_REF" logs in as ROLE.
  const size_t dot = url_user.rfind('.');
  return dot != std::string_view::npos && url_user.substr(0, dot) == session_user;
}

}  // namespace

Result<Connection> Connection::open(const ConnectOptions& options, Deadline deadline,
                                    const std::stop_token& stop) {
  SN_ASSIGN(const ConnInfo info, ConnInfo::parse(options.url));
  SN_ASSIGN(const std::vector<Endpoint> addresses, addresses_of(info, deadline));
  const StopFd cancel(stop);
  std::optional<Error> failure;
  for (size_t i = 0; i < addresses.size(); ++i) {
    // An address that swallows packets may use only its share of the time.
    const auto share = (deadline - BootClock::now()) / static_cast<int64_t>(addresses.size() - i);
    auto handle = connect(info, addresses[i], options.application_name, deadline_in(share), cancel.get());
    if (!handle) {
      failure = std::move(handle).error();
      if (!worth_another(*failure)) break;
      continue;
    }
    const std::string user = PQuser(handle->get());
    Connection connection(std::make_unique<Wire>(handle->release()));
    if (stop.stop_possible()) connection.stop_with(stop);
    connection.wire_->give_way_to(options.gives_way_to);
    SN_ASSIGN(const Rows checked, connection.check_session(user, deadline));
    // A pooler makes up the process id it tells its clients; a server tells the truth.
    connection.direct_ = checked.int64(0, 3) == connection.backend_pid();
    return connection;
  }
  return std::move(*failure);
}

bool was_kept_waiting(const Error& error) {
  return error.hint == kKeptWaiting;
}

Result<Rows> Connection::check_session(const std::string& user, Deadline deadline) {
  auto answered = query(sql::connection_check, {}, deadline);
  if (!answered && answered.error().code == ErrorCode::kDeadlineExceeded) {
    return Error{ErrorCode::kDeadlineExceeded, "let in, but no statement was served in time", kKeptWaiting};
  }
  SN_ASSIGN(Rows session, std::move(answered));
  if (session.int64(0, 1) < kOldestServer) {
    return Error{
        ErrorCode::kFailedPrecondition,
        fmt::format("PostgreSQL 15 or newer is needed, the server is {}", session.int64(0, 1) / 10000), ""};
  }
  if (session.text(0, 2) != "UTF8") {
    return Error{ErrorCode::kFailedPrecondition,
                 fmt::format("the database has encoding '{}', not UTF8", session.text(0, 2)),
                 "create the database with ENCODING 'UTF8'"};
  }
  if (!same_user(user, session.text(0, 0))) {
    return Error{
        ErrorCode::kPermissionDenied,
        fmt::format("logged in as '{}' but the database URL names '{}'", session.text(0, 0), user),
        "a pooler that logs in as another role cannot be used: row security judges by the session's user"};
  }
  return session;
}

}  // namespace syncnode::postgres
