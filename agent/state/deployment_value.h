// What a write to "deployment.<client>" changes. The document may hold any of the members shown: those that
// agents may change, and others only as they are, so that what was read can be edited and written back.
// Refuses by path: unknown members, wrong kinds, config (it bears policy and is an administrator's). Pure,
// any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace syncnode::state {

struct DeploymentChange {
  std::optional<bool> sync_enabled;
  std::optional<int64_t> sync_interval;  // seconds; 0: live
  std::optional<std::string> status;
  bool empty() const { return !sync_enabled && !sync_interval && !status; }
};

// Only what differs from `current`; both are JSON texts of the kind the store shows. Enabling a paused client
// also makes it active.
Result<DeploymentChange> deployment_change(std::string_view key, std::string_view current,
                                           std::string_view wanted);

}  // namespace syncnode::state
