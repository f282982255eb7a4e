// What a reload may change while a node runs, and what takes a restart. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"

namespace syncnode::daemon {

// The keys that differ and only a restart can apply: who we are, where we listen, whom we talk to.
std::vector<std::string> needs_restart(const config::Settings& now, const config::Settings& wanted);

}  // namespace syncnode::daemon
