// This machine's name as gethostname(2) gives it, "localhost" when it gives none. Any thread.
#pragma once

#include <string>

namespace syncnode {

std::string host_name();

}  // namespace syncnode
