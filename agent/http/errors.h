// Errors over HTTP: one table from ErrorCode to status and word, used by the server to answer and by the
// client to read an answer back. Every refusal is {"error", "detail", "hint"}; `error` is a stable word that
// programs may compare, the rest is for people. Plain functions, any thread.
#pragma once

#include <string_view>

#include "base/error.h"
#include "http/message.h"

namespace syncnode::http {

int status_of(ErrorCode code);
std::string_view word_of(ErrorCode code);

Response refusal(int status, std::string_view word, std::string_view detail, std::string_view hint);
Response refusal(const Error& error);

// What a refusal says, as an Error again. `response` has a status of 400 or above.
Error error_from(const Response& response);

}  // namespace syncnode::http
