// HostFiles: the files of /etc/sync-node that deploy writes, below a root directory that is "" on a live
// host. Knows their names, modes and grammar; writes each atomically, so that a reader and a crash see the
// old file or the new one. Refuses to decide when. One thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "config/credentials.h"

namespace syncnode::deploy {

// What stands at a path. A link is not followed.
struct FileState {
  bool exists = false, ours = false;  // ours: owned by who runs this
  unsigned mode = 0;
  std::string text;         // of a regular file
  std::string link_target;  // of a link
  bool holds(std::string_view wanted, unsigned wanted_mode) const {
    return exists && ours && mode == wanted_mode && link_target.empty() && text == wanted;
  }
};

class HostFiles {
 public:
  explicit HostFiles(std::string root);

  std::string folder() const { return root_ + "/etc/sync-node"; }
  std::string admin_folder() const { return folder() + "/admin"; }
  std::string credentials() const { return admin_folder() + "/.credentials"; }
  std::string link() const { return folder() + "/.credentials"; }
  std::string environment() const { return folder() + "/.env"; }
  std::string node_environment(char node) const { return folder() + "/node-" + node + ".env"; }
  // Says that running nodes have to be restarted, until they were.
  std::string restart_mark() const { return admin_folder() + "/restart-pending"; }
  std::string machine_id() const { return root_ + "/etc/machine-id"; }
  bool is_live() const { return root_.empty(); }

  // Makes both folders, removes what a killed deploy left half-written, and keeps a second deploy out until
  // the result is destroyed.
  Result<UniqueFd> prepare() const;
  bool admin_folder_is_right() const;  // 0700 and ours

 private:
  Status remove_drafts() const;

  std::string root_;
};

inline constexpr char kLinkTarget[] = "admin/.credentials";

Result<FileState> look_at(const std::string& path);
Status write_atomically(const std::string& path, std::string_view text, unsigned mode);
Status make_link(const std::string& path);
Status remove_file(const std::string& path);

// A digest of the machine-id that tells nothing of it.
Result<std::string> machine_of(const std::string& path);

// The texts. What an administrator wrote beside our keys stays as it is, line by line.
std::string env_value(std::string_view value);  // quoted where the grammar of env files wants it
std::string credentials_text(const config::Credentials& credentials);
std::string environment_text(const std::optional<std::string>& existing, std::string_view url,
                             std::string_view host);
std::string node_environment_text(const std::optional<std::string>& existing, char node);
// The value of one key of an env file; nothing when it is not set (or the file is wrong there).
std::optional<std::string> value_in(std::string_view text, std::string_view key);

}  // namespace syncnode::deploy
