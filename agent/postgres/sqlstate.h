// What a failure of PostgreSQL (or of a pooler in front of it) means to us: one table from SQLSTATE and
// well-known texts to ErrorCode and hint. Refuses to keep DETAIL and CONTEXT, which show clients' data. Pure,
// any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace syncnode::postgres {

// `sqlstate` is "" for failures of the connection itself. `message` is the primary message only.
Error error_of(std::string_view sqlstate, std::string_view message);

// Of a failed connection attempt: libpq gives no result there, so the SQLSTATE is read out of its verbose
// text. `password` is removed wherever it appears; `user` is the URL's, for the hint about poolers.
struct ConnectFailure {
  Error error;
  std::string sqlstate;
};
ConnectFailure connect_failure(std::string_view libpq_text, std::string_view user, std::string_view password);

// "FATAL:  28P01: password …\nLOCATION: …" in one line without position and location.
std::string one_line(std::string_view libpq_text);

}  // namespace syncnode::postgres
