#include "sync/client_policy.h"

namespace syncnode::sync {

Result<conflict::Policy> client_policy(const conflict::Policy& host, const Deployment& deployment) {
  if (deployment.conflict_policy.empty()) return host;
  return conflict::overlaid(host, deployment.conflict_policy,
                            "config.conflict_resolution of client '" + deployment.client_name + "'");
}

}  // namespace syncnode::sync
