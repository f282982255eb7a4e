#include "conflict/policy_file.h"

#include "config/small_file.h"

namespace syncnode::conflict {

Result<Policy> load_policy(const config::Settings& settings) {
  auto text = config::read_small_file(settings.conflict_policy_file);
  if (!text) {
    const bool absent = text.error().code == ErrorCode::kNotFound;
    if (absent && !settings.conflict_policy_named) return built_in_policy();
    return std::move(text).error();
  }
  auto policy = read_policy(*text);
  if (!policy) return std::move(policy).error().with_context("'" + settings.conflict_policy_file + "'");
  return policy;
}

}  // namespace syncnode::conflict
