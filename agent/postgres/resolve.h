// Resolves a host name with a deadline that holds. getaddrinfo(3) knows none and cannot be interrupted, so
// the look-up runs on a thread of its own; when the deadline passes first, that thread stays behind until the
// resolver gives up by itself. There is at most one such thread per host name: later callers join the look-up
// under way. Any thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace syncnode::postgres {

using LookUp = std::function<Result<std::vector<std::string>>(const std::string& host)>;

// Numeric addresses, in the resolver's order (RFC 6724). A numeric host is returned as it is, without a
// thread.
Result<std::vector<std::string>> resolve(const std::string& host, Deadline deadline);
Result<std::vector<std::string>> resolve(const std::string& host, Deadline deadline, const LookUp& look_up);

}  // namespace syncnode::postgres
