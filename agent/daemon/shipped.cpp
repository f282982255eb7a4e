#include "daemon/shipped.h"

#include <utility>

namespace syncnode::daemon {

void Shipped::succeeded(const std::string& client, RunBasis basis, const follow::FileState& before,
                        Deadline now) {
  known_.insert_or_assign(client, Known{std::move(basis), before, now});
}

bool Shipped::needs_no_run(const std::string& client, const RunBasis& basis, const follow::FileState& state,
                           Deadline now) const {
  const auto found = known_.find(client);
  if (found == known_.end()) return false;
  const Known& known = found->second;
  return known.state.is_proof() && known.state == state && known.basis == basis && now - known.at < kLongest;
}

bool Shipped::has_other_basis(const std::string& client, const RunBasis& basis) const {
  const auto found = known_.find(client);
  return found != known_.end() && !(found->second.basis == basis);
}

}  // namespace syncnode::daemon
