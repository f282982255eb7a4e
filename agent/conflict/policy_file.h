// The policy of this host, from the file that its settings name. Blocking; any thread.
#pragma once

#include "base/result.h"
#include "config/settings.h"
#include "conflict/policy.h"

namespace syncnode::conflict {

// The built-in policy where there is no file at the usual place; a file that was named must be there. Every
// mistake in it at once, with the file's name.
Result<Policy> load_policy(const config::Settings& settings);

}  // namespace syncnode::conflict
