// What people see of a running cluster: one screen, worst first, the next command at its end. Pure; `look`
// gives the width and the colours.
#pragma once

#include <string>

#include "cli/situation.h"
#include "cli/table.h"

namespace syncnode::cli {

std::string status_page(const Situation& situation, const Look& look);

}  // namespace syncnode::cli
