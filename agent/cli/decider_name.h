// Who decides, for the audit: the person behind sudo, not root. Main thread.
#pragma once

#include <string>

namespace syncnode::cli {

std::string decider_name();  // "ana@prod-host-1"

}  // namespace syncnode::cli
