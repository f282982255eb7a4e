// Where a client's file may lie. Refuses, with the reason: what is not a regular file, network file systems
// (SQLite needs one host's locks and shared memory), FUSE, and the inside of an overlay's upper directory
// (locks taken there are not seen through the merged view: measured). Reads /proc/self/mountinfo and statfs
// only; opens nothing.
#pragma once

#include <string>

#include "base/result.h"

namespace syncnode::host {

// The resolved absolute path, or kNotFound / kFailedPrecondition with what, why and what to do.
Result<std::string> check_source_path(const std::string& path);

// Two names of one file that is there.
bool same_file(const std::string& one, const std::string& other);

// The same rules on given facts, for tests: `mountinfo` is the text of /proc/self/mountinfo.
Status check_not_overlay_upper(const std::string& resolved_path, const std::string& mountinfo);
Status check_filesystem_type(const std::string& resolved_path, long statfs_type);

}  // namespace syncnode::host
