// The fence: the statement that makes a transaction's COMMIT depend on the term it was written under. Refuses
// to decide anything locally. Must be the last statement before COMMIT: a writer frozen while it holds the
// fence delays a takeover.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "model/term.h"
#include "postgres/connection.h"
#include "postgres/script.h"

namespace syncnode::postgres {

// Inside a READ COMMITTED transaction. kFenced (SN001) when the term is not the current one: roll back, stop
// writing.
Status fence(Connection& connection, const Term& term, Deadline deadline);
// The same as a part of a script: what Transaction::commit() sends in one message with COMMIT, so that a
// network that breaks in between leaves nobody behind who holds it.
void fence(Script& script, const Term& term);

// The id of this node's row in sync_metadata.hosts, made when missing.
Result<std::string> register_host(Connection& connection, std::string_view cluster_name,
                                  std::string_view hostname, Deadline deadline);

}  // namespace syncnode::postgres
