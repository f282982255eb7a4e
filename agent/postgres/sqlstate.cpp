#include "postgres/sqlstate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace syncnode::postgres {
namespace {

struct StateRule {
  std::string_view prefix;
  ErrorCode code;
  std::string_view hint;
};

constexpr std::string_view kApplySchema =
    "the schema is missing or older than this program; run 'sync-nodectl schema apply' as the admin";
constexpr std::string_view kCheckUrl = "check user, password and database name of the database URL";

// The longest prefix that fits decides.
constexpr std::array kStateRules = std::to_array<StateRule>({
    {"SN001", ErrorCode::kFenced, "another node leads now; this run must stop writing"},
    {"SN002", ErrorCode::kPermissionDenied,
     "this login role is mapped to another cluster; see 'register_cluster'"},
    {"SN003", ErrorCode::kInvalidArgument, ""},
    {"SN004", ErrorCode::kFailedPrecondition, "choose another name; this one is taken"},
    {"08", ErrorCode::kUnavailable, ""},
    {"0A", ErrorCode::kFailedPrecondition, ""},
    {"0L", ErrorCode::kPermissionDenied, ""},
    {"0P", ErrorCode::kPermissionDenied, ""},
    {"21", ErrorCode::kInternal, ""},
    {"22", ErrorCode::kInvalidArgument, ""},
    {"23", ErrorCode::kFailedPrecondition, ""},
    {"25006", ErrorCode::kUnavailable, "the server is read-only now (a standby, or in recovery)"},
    {"25P02", ErrorCode::kAborted, ""},
    {"25P03", ErrorCode::kAborted, "the transaction was idle for too long and was ended by the server"},
    {"28", ErrorCode::kFailedPrecondition, kCheckUrl},
    {"2B", ErrorCode::kFailedPrecondition, ""},
    {"3D000", ErrorCode::kFailedPrecondition, kCheckUrl},
    {"3F000", ErrorCode::kFailedPrecondition, kApplySchema},
    {"40", ErrorCode::kAborted, ""},
    {"40003", ErrorCode::kOutcomeUnknown, ""},
    {"42501", ErrorCode::kPermissionDenied, ""},
    {"42703", ErrorCode::kFailedPrecondition, kApplySchema},
    {"42883", ErrorCode::kFailedPrecondition, kApplySchema},
    {"42P01", ErrorCode::kFailedPrecondition, kApplySchema},
    {"42701", ErrorCode::kFailedPrecondition, ""},
    {"42710", ErrorCode::kFailedPrecondition, ""},
    {"42P04", ErrorCode::kFailedPrecondition, ""},
    {"42P06", ErrorCode::kFailedPrecondition, ""},
    {"42P07", ErrorCode::kFailedPrecondition, ""},
    {"44", ErrorCode::kPermissionDenied, ""},
    {"53", ErrorCode::kUnavailable, "the server is short of resources; try again later"},
    {"53100", ErrorCode::kResourceExhausted, "the disk of the database server is full"},
    {"53300", ErrorCode::kUnavailable, "too many connections for this role or server; close idle ones"},
    {"54", ErrorCode::kResourceExhausted, ""},
    {"55", ErrorCode::kFailedPrecondition, ""},
    {"55006", ErrorCode::kUnavailable, ""},
    {"55P03", ErrorCode::kUnavailable, "another transaction holds the lock"},
    {"57", ErrorCode::kUnavailable, ""},
    {"57014", ErrorCode::kDeadlineExceeded, "the statement was cancelled or ran into its timeout"},
    {"58", ErrorCode::kUnavailable, ""},
    {"P0001", ErrorCode::kFailedPrecondition, ""},
    {"P0002", ErrorCode::kNotFound, ""},
    {"XX001", ErrorCode::kCorruption, "the database server reports corrupt data"},
    {"XX002", ErrorCode::kCorruption, "the database server reports a corrupt index"},
});

struct TextRule {
  std::string_view words;
  ErrorCode code;
  std::string_view hint;
};

// Poolers put most of their refusals under one SQLSTATE (Supavisor XX000, PgBouncer 08P01): the text decides.
constexpr std::array kTextRules = std::to_array<TextRule>({
    {"Tenant or user not found", ErrorCode::kFailedPrecondition, ""},
    {"ENOTFOUND", ErrorCode::kFailedPrecondition, ""},
    {"ENOIDENTIFIER", ErrorCode::kFailedPrecondition, ""},
    {"no such database", ErrorCode::kFailedPrecondition, kCheckUrl},
    {"no such user", ErrorCode::kFailedPrecondition, kCheckUrl},
    {"max clients reached", ErrorCode::kUnavailable,
     "the pooler's client limit is reached; close other connections"},
    {"query_wait_timeout", ErrorCode::kDeadlineExceeded,
     "no server connection of the pool became free in time; a larger pool, or fewer SYNC_WORKERS"},
    {"MaxClients", ErrorCode::kUnavailable, "the pooler's client limit is reached; close other connections"},
    {"for connection option", ErrorCode::kInvalidArgument, kCheckUrl},
    {"invalid port number", ErrorCode::kInvalidArgument, kCheckUrl},
    {"invalid sslmode value", ErrorCode::kInvalidArgument, kCheckUrl},
    {"server does not support SSL", ErrorCode::kFailedPrecondition,
     "the URL asks for TLS, the server has none"},
    {"certificate verify failed", ErrorCode::kFailedPrecondition, "check 'sslrootcert' in the database URL"},
    {"Network is unreachable", ErrorCode::kUnavailable,
     "this host has no route to the address; without IPv6 use the pooler URL"},
});

constexpr size_t kTenantRules = 3;

const StateRule* state_rule(std::string_view sqlstate) {
  const StateRule* best = nullptr;
  for (const StateRule& rule : kStateRules) {
    if (!sqlstate.starts_with(rule.prefix)) continue;
    if (best == nullptr || rule.prefix.size() > best->prefix.size()) best = &rule;
  }
  return best;
}

// "…failed: FATAL:  28P01: password …": in verbose form the SQLSTATE stands between ":  " and ": ".
std::string state_in(std::string_view text) {
  constexpr size_t kLength = 5;
  for (size_t at = text.find(":  "); at != std::string_view::npos; at = text.find(":  ", at + 1)) {
    const std::string_view candidate = text.substr(at + 3, kLength);
    const bool plausible =
        candidate.size() == kLength && std::all_of(candidate.begin(), candidate.end(), [](char c) {
          return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
        });
    if (plausible && text.substr(at + 3 + kLength, 2) == ": ") return std::string(candidate);
  }
  return "";
}

std::string tenant_hint(std::string_view user) {
  const size_t dot = user.rfind('.');
  if (dot == std::string_view::npos) {
    return fmt::format("the pooler wants the project in the user name: '{}.PROJECT_REF' instead of '{}'",
                       user, user);
  }
  return fmt::format(
      "the pooler does not know project '{}': copy the host from the project's connection page (aws-0 and "
      "aws-1 "
      "differ), and see that the project is not paused",
      user.substr(dot + 1));
}

// Short passwords are left alone: replacing one letter everywhere would hide the message and tell the letter.
void remove_secret(std::string& text, std::string_view secret) {
  constexpr size_t kShortest = 4;
  if (secret.size() < kShortest) return;
  for (size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
    text.replace(at, secret.size(), "****");
    at += 4;
  }
}

}  // namespace

std::string one_line(std::string_view libpq_text) {
  std::string line;
  while (!libpq_text.empty()) {
    const size_t end = std::min(libpq_text.find('\n'), libpq_text.size());
    std::string_view part = libpq_text.substr(0, end);
    libpq_text.remove_prefix(std::min(end + 1, libpq_text.size()));
    while (!part.empty() && std::isspace(static_cast<unsigned char>(part.front())) != 0)
      part.remove_prefix(1);
    if (part.empty() || part.starts_with("LOCATION:")) continue;
    if (!line.empty()) line += ' ';
    line += part;
  }
  return line;
}

Error error_of(std::string_view sqlstate, std::string_view message) {
  std::string text = one_line(message);
  if (!sqlstate.empty()) text += fmt::format(" (SQLSTATE {})", sqlstate);
  for (const TextRule& rule : kTextRules) {
    if (message.find(rule.words) != std::string_view::npos) return {rule.code, text, std::string(rule.hint)};
  }
  if (sqlstate.empty()) return {ErrorCode::kUnavailable, text, ""};
  const StateRule* rule = state_rule(sqlstate);
  if (rule == nullptr) return {ErrorCode::kInternal, text, ""};
  return {rule->code, text, std::string(rule->hint)};
}

ConnectFailure connect_failure(std::string_view libpq_text, std::string_view user,
                               std::string_view password) {
  std::string sqlstate = state_in(libpq_text);
  std::string text = one_line(libpq_text);
  if (const size_t at = text.find(sqlstate + ": "); !sqlstate.empty() && at != std::string::npos) {
    text.erase(at, sqlstate.size() + 2);
  }
  remove_secret(text, password);
  Error error = error_of(sqlstate, text);
  for (size_t i = 0; i < kTenantRules; ++i) {
    if (text.find(kTextRules[i].words) != std::string::npos) error.hint = tenant_hint(user);
  }
  return {std::move(error), std::move(sqlstate)};
}

}  // namespace syncnode::postgres
