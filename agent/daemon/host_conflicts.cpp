#include "daemon/host_conflicts.h"

#include "sync/resolution.h"

namespace syncnode::daemon {

Result<bool> HostConflicts::resolve(postgres::Connection& connection, const Term& term,
                                    const control::Resolution& resolution, const std::string& by,
                                    Deadline deadline) {
  const auto policy = settings_.policy();
  return sync::resolve_conflict(
      connection, term, *policy,
      {resolution.conflict_id, resolution.choice, resolution.value, resolution.version, by}, deadline);
}

}  // namespace syncnode::daemon
