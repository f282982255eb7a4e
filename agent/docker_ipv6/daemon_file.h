// daemon.json with what this program keeps beside it: the file before our first change
// (daemon.json.sync-node.bak) and the record of the changes (daemon.json.sync-node.json). A link is followed
// only to a file that nobody but root can replace. Owned by one run of docker-ipv6; one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "docker_ipv6/folder.h"
#include "docker_ipv6/record.h"

namespace syncnode::docker_ipv6 {

inline constexpr char kDaemonFile[] = "/etc/docker/daemon.json";

class DaemonFile {
 public:
  // What is there now. Makes nothing.
  static Result<DaemonFile> look();

  std::string path() const { return folder_path_ + "/" + name_; }
  bool exists() const { return text_.has_value(); }
  std::string text() const { return text_.value_or(""); }
  // Only when something of it is still in the file.
  const std::optional<Record>& record() const { return record_; }

  // `accepts` is asked about the new file, by its path, before it takes its place.
  using Judge = std::function<Status(const std::string& path)>;
  Status enable(const std::string& text, const std::vector<Change>& changes, const Judge& accepts);
  // As it was before enable(): byte for byte where nobody changed it since.
  struct Disabled {
    std::optional<std::string> text;  // nothing: the file goes, as it was not there
    std::vector<std::string> left;    // keys that somebody changed since
  };
  Result<Disabled> without_ours() const;
  Status disable(const Disabled& result, const Judge& accepts);
  // As it was found by look(), its neighbours too; kUnavailable where somebody changed it after enable() or
  // disable() did: then nothing is touched.
  Status put_back();

 private:
  Status check_unchanged() const;
  Status forget();
  std::string backup() const { return name_ + ".sync-node.bak"; }
  std::string record_name() const { return name_ + ".sync-node.json"; }

  std::string folder_path_, name_;
  std::optional<Folder> folder_;     // none: there is no /etc/docker
  std::optional<std::string> text_;  // none: there is no file
  std::optional<std::string> left_;  // what enable() or disable() left there; none: no file
  std::optional<std::string> backup_text_;
  std::optional<Record> record_;
};

}  // namespace syncnode::docker_ipv6
