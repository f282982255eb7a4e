#include "host/source_path.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>
#include <vector>

namespace syncnode::host {
namespace {

struct Refused {
  long magic;
  std::string_view name;
};

// statfs(2) f_type; several of them are in no header.
constexpr std::array kRefused = {
    Refused{0x6969, "NFS"},        Refused{0x517B, "SMB"},        Refused{0xFE534D42, "SMB2"},
    Refused{0xFF534D42, "CIFS"},   Refused{0x65735546, "FUSE"},   Refused{0x01021997, "9P"},
    Refused{0x00C36400, "Ceph"},   Refused{0x5346414F, "AFS"},    Refused{0x6B414653, "AFS"},
    Refused{0x73757245, "Coda"},   Refused{0x564C, "NCP"},        Refused{0x0BD00BD0, "Lustre"},
    Refused{0x7461636F, "OCFS2"},  Refused{0x01161970, "GFS2"},   Refused{0x786F4256, "VirtualBox"},
    Refused{0xBACBACBC, "VMware"}, Refused{0x19830326, "BeeGFS"}, Refused{0x47504653, "GPFS"},
};

Error refused(const std::string& path, const std::string& why, const std::string& hint) {
  return Error{ErrorCode::kFailedPrecondition, "'" + path + "' " + why, hint};
}

// mountinfo and overlayfs write blanks and other special characters as \ooo, overlayfs ':' and ',' as "\:"
// and "\,".
std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      out += text[i];
    } else if (i + 3 < text.size() &&
               text.substr(i + 1, 3).find_first_not_of("01234567") == std::string_view::npos) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[++i];
    }
  }
  return out;
}

// The value of `upperdir=` among the super block's options; "" when there is none.
std::string upper_directory(const std::string& options) {
  constexpr std::string_view kKey = "upperdir=";
  size_t start = 0;
  while (start < options.size()) {
    size_t end = start;
    while (end < options.size() && options[end] != ',') end += options[end] == '\\' ? 2 : 1;
    end = std::min(end, options.size());
    const std::string_view option = std::string_view(options).substr(start, end - start);
    if (option.starts_with(kKey)) return unescape(unescape(option.substr(kKey.size())));
    start = end + 1;
  }
  return "";
}

// Two names of one file that is there.
bool same_file(const std::string& one, const std::string& other) {
  struct stat left {};
  struct stat right {};
  return ::stat(one.c_str(), &left) == 0 && ::stat(other.c_str(), &right) == 0 &&
         left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

Result<std::string> resolve(const std::string& path) {
  const auto real = real_path(path);
  // Through /proc/PID/root the words lead out of the other root; the file itself says whether they did.
  if (real && same_file(path, *real)) return *real;
  if (path.starts_with("/proc/") && same_file(path, path)) return path;
  const int why = real ? ENOENT : errno;
  const auto code = why == EACCES ? ErrorCode::kPermissionDenied : ErrorCode::kNotFound;
  return Error{code, "looking for '" + path + "': " + std::strerror(why),
               "name the database file of the client"};
}

}  // namespace

std::optional<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  if (!real) return std::nullopt;
  return std::string(real.get());
}

bool lies_in(const std::string& path, const std::string& directory) {
  return path.starts_with(directory) && path.size() > directory.size() &&
         (directory.ends_with('/') || path[directory.size()] == '/');
}

bool same_entry(const std::string& one, const std::string& other) {
  if (one == other) return true;
  const size_t left = one.rfind('/');
  const size_t right = other.rfind('/');
  if (left == std::string::npos || right == std::string::npos) return false;
  return one.substr(left) == other.substr(right) &&
         same_file(one.substr(0, left + 1), other.substr(0, right + 1));
}

Status check_filesystem_type(const std::string& resolved_path, long statfs_type) {
  const auto wanted = static_cast<unsigned long>(statfs_type) & 0xFFFFFFFFUL;
  for (const Refused& type : kRefused) {
    if (static_cast<unsigned long>(type.magic) != wanted) continue;
    return refused(resolved_path, "lies on a " + std::string(type.name) + " file system",
                   "SQLite's locks and shared memory work within one kernel only: run sync-node on the host "
                   "that has the file on a local disk");
  }
  return {};
}

Status check_not_overlay_upper(const std::string& resolved_path, const std::string& mountinfo) {
  std::istringstream lines(mountinfo);
  for (std::string line; std::getline(lines, line);) {
    // "36 35 98:0 /root /mount options [fields] - type source super-options"
    const size_t separator = line.find(" - ");
    if (separator == std::string::npos) continue;
    std::istringstream fields(line.substr(separator + 3));
    std::string type;
    std::string source;
    std::string options;
    fields >> type >> source >> options;
    if (type != "overlay") continue;
    const std::string upper = upper_directory(options);
    if (upper.empty() || !lies_in(resolved_path, upper)) continue;
    return refused(
        resolved_path, "lies in the upper directory of an overlay, '" + upper + "'",
        "locks taken there are not seen by the container: put the database on a volume and name the "
        "volume's path, or go through /proc/PID/root of a process of the container");
  }
  return {};
}

Result<std::string> check_source_path(const std::string& path) {
  SN_ASSIGN(const std::string resolved, resolve(path));
  struct stat status {};
  if (::stat(resolved.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return refused(resolved, "is not a regular file", "name the database file itself");
  }
  struct statfs system {};
  if (::statfs(resolved.c_str(), &system) != 0) {
    return Error{ErrorCode::kUnavailable,
                 "asking for the file system of '" + resolved + "': " + std::strerror(errno), ""};
  }
  SN_TRY(check_filesystem_type(resolved, static_cast<long>(system.f_type)));
  std::ifstream file("/proc/self/mountinfo");
  std::ostringstream mountinfo;
  mountinfo << file.rdbuf();
  if (!file) return Error{ErrorCode::kUnavailable, "reading '/proc/self/mountinfo' failed", "mount /proc"};
  SN_TRY(check_not_overlay_upper(resolved, mountinfo.str()));
  return resolved;
}

Result<std::string> check_registered_path(const std::string& path) {
  SN_ASSIGN(std::string resolved, check_source_path(path));
  if (resolved == path) return resolved;
  return refused(path, "leads to '" + resolved + "' now: a link was put in its way since it was registered",
                 "see who did it, and undo it; if it is meant, register the client again");
}

}  // namespace syncnode::host
