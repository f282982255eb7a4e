#include "postgres/connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include "postgres/wire.h"

namespace syncnode::postgres {

Connection::Connection(std::unique_ptr<Wire> wire) : wire_(std::move(wire)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Status Connection::may_ask() const {
  if (wire_->copying_in)
    return Error{ErrorCode::kInternal, "a statement was sent while a COPY is under way", ""};
  if (wire_->pipelining)
    return Error{ErrorCode::kInternal, "a statement was sent while a pipeline is open", ""};
  return {};
}

Result<Rows> Connection::run(std::string_view sql, const std::vector<Param>& params, bool binary,
                             Deadline deadline) {
  SN_TRY(may_ask());
  SN_TRY(wire_->send(sql, params, binary));
  return wire_->finish(deadline);
}

Result<Rows> Connection::query(std::string_view sql, const std::vector<Param>& params, Deadline deadline) {
  return run(sql, params, false, deadline);
}

Result<Rows> Connection::query_binary(std::string_view sql, const std::vector<Param>& params,
                                      Deadline deadline) {
  return run(sql, params, true, deadline);
}

Result<Rows> Connection::simple(std::string_view sql, Deadline deadline) {
  SN_ASSIGN(std::vector<Rows> results, simple_all(sql, deadline));
  return std::move(results.back());
}

Result<std::vector<Rows>> Connection::simple_all(std::string_view sql, Deadline deadline) {
  return simple_all(sql, deadline, [] {});
}

Result<std::vector<Rows>> Connection::simple_all(std::string_view sql, Deadline deadline,
                                                 const std::function<void()>& meanwhile) {
  SN_TRY(may_ask());
  SN_TRY(wire_->send_simple(sql));
  meanwhile();
  return wire_->finish_all(deadline);
}

Replies Connection::simple_each(std::string_view sql, Deadline deadline) {
  Status sent = may_ask();
  if (sent) sent = wire_->send_simple(sql);
  if (!sent) return {{}, std::move(sent).error()};
  return wire_->finish_each(deadline);
}

bool Connection::alive() {
  if (!usable()) return false;
  const auto said = wire_->unexpected_input();
  return said.has_value() && !*said && usable();
}

bool Connection::usable() const {
  return wire_ != nullptr && wire_->usable();
}

void Connection::close() {
  wire_->close();
}

void Connection::stop_with(std::stop_token token) {
  wire_->stop_with(std::move(token));
}

void Connection::limit(Deadline latest) {
  wire_->latest = latest;
}

int Connection::backend_pid() const {
  return wire_->usable() ? PQbackendPID(wire_->get()) : 0;
}

uint64_t Connection::bytes_sent() const {
  return wire_->sent;
}

uint64_t Connection::bytes_received() const {
  return wire_->received;
}

void Connection::count_anew() {
  wire_->sent = 0;
  wire_->received = 0;
}

Result<std::string> Connection::password_verifier(const std::string& role, const std::string& password) {
  if (!wire_->usable()) return wire_->closed();
  // With the method named, libpq asks the server nothing.
  const std::unique_ptr<char, decltype(&PQfreemem)> verifier(
      PQencryptPasswordConn(wire_->get(), password.c_str(), role.c_str(), "scram-sha-256"), &PQfreemem);
  if (verifier != nullptr) return std::string(verifier.get());
  return Error{ErrorCode::kInternal, "libpq could not make a password verifier", ""};
}

const std::string& Connection::last_sqlstate() const {
  return wire_->sqlstate;
}

std::string Connection::quote_literal(std::string_view text) {
  // The E form means the same whatever standard_conforming_strings is; in UTF-8 no character holds these
  // bytes.
  const bool escape = text.find('\\') != std::string_view::npos;
  std::string quoted = escape ? " E'" : "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') quoted += c;
    quoted += c;
  }
  return quoted + "'";
}

std::string Connection::quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    if (c == '"') quoted += c;
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace syncnode::postgres
