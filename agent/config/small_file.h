// Reading a configuration file whole, and judging who else could read it. Refuses large files. Any thread.
#pragma once

#include <string>

#include "base/result.h"

namespace syncnode::config {

// At most 1 MiB. `path` "-" is standard input. kNotFound, kPermissionDenied, kResourceExhausted.
Result<std::string> read_small_file(const std::string& path);

// kFailedPrecondition when others than the owner (for `kOwner`) or the owner and group could read a regular
// file.
enum class Readers { kOwner, kOwnerAndGroup };
Status check_private(const std::string& path, Readers readers);

}  // namespace syncnode::config
