// Where a client's file may lie. Refuses, with the reason: what is not a regular file, network file systems
// (SQLite needs one host's locks and shared memory), FUSE, and the inside of an overlay's upper directory
// (locks taken there are not seen through the merged view: measured), and a registered file that a link leads
// elsewhere now: the directory is the application's to write, and we may read what it may not. Reads
// /proc/self/mountinfo and statfs only; opens nothing.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace syncnode::host {

// The resolved absolute path, or kNotFound / kFailedPrecondition with what, why and what to do.
Result<std::string> check_source_path(const std::string& path);

// The same for a path that this resolved when its client was registered: kFailedPrecondition when it leads to
// another file now. Whoever put a link there could have us read what is not his.
Result<std::string> check_registered_path(const std::string& path);

// `path` without links, where it can be followed.
std::optional<std::string> real_path(const std::string& path);
// Both are resolved; a directory does not lie in itself.
bool lies_in(const std::string& path, const std::string& directory);
// The same name in the same directory. What lies there may be a link: that is not followed.
bool same_entry(const std::string& one, const std::string& other);

// The same rules on given facts, for tests: `mountinfo` is the text of /proc/self/mountinfo.
Status check_not_overlay_upper(const std::string& resolved_path, const std::string& mountinfo);
Status check_filesystem_type(const std::string& resolved_path, long statfs_type);

}  // namespace syncnode::host
