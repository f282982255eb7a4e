// Notices: LISTEN on the one channel of sync-node, where notices really arrive. Refuses to trust an accepted
// LISTEN: through a transaction-mode pooler it succeeds and nothing ever comes (measured). So a session
// behind any pooler is probed: a second connection, opened for it alone, sends one notice. One thread, the
// connection's.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "postgres/connection.h"

namespace syncnode::postgres {

// True when notices come to `connection` from now on. `probe` is a payload that nobody else sends.
Result<bool> listen(Connection& connection, const ConnectOptions& options, const std::string& probe,
                    Deadline deadline);

}  // namespace syncnode::postgres
