// HostConflicts: carries out decisions about conflicts under the policy in force. Owned by the agent; called
// on the control's thread.
#pragma once

#include "control/ports.h"
#include "daemon/live_settings.h"

namespace syncnode::daemon {

class HostConflicts final : public control::Conflicts {
 public:
  explicit HostConflicts(const LiveSettings& settings) : settings_(settings) {}

  Result<bool> resolve(postgres::Connection& connection, const Term& term,
                       const control::Resolution& resolution, const std::string& by,
                       Deadline deadline) override;

 private:
  const LiveSettings& settings_;
};

}  // namespace syncnode::daemon
