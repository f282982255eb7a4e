// The conflict policy of one client: the host's, with what the client's own configuration says laid over it.
// Pure.
#pragma once

#include "base/result.h"
#include "conflict/policy.h"
#include "sync/copy_state.h"

namespace syncnode::sync {

// kInvalidArgument lists what cannot be understood in client_deployments.config.
Result<conflict::Policy> client_policy(const conflict::Policy& host, const Deployment& deployment);

}  // namespace syncnode::sync
