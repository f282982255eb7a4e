// A directory that nobody but root can change, and files in it that are read whole and replaced atomically:
// written beside, synced, renamed, and the directory synced. Refuses symbolic links and directories that
// others could write, all the way from the root. Owned by one run of docker-ipv6; one thread.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace syncnode::docker_ipv6 {

// A file that is written, but not yet in its place; goes away with its owner unless published.
class Staged {
 public:
  Staged(int folder, std::string name, std::string temporary)
      : folder_(folder), name_(std::move(name)), temporary_(std::move(temporary)) {}
  Staged(Staged&& other) noexcept;
  Staged& operator=(Staged&&) = delete;
  ~Staged();

  const std::string& temporary() const { return temporary_; }
  Status publish();

 private:
  int folder_;
  std::string name_, temporary_;
};

class Folder {
 public:
  static Result<Folder> open(const std::string& path);    // kNotFound, kFailedPrecondition
  static Result<Folder> create(const std::string& path);  // opens it, or makes it first

  const std::string& path() const { return path_; }
  bool is_link(const std::string& name) const;
  Result<std::optional<std::string>> read(const std::string& name) const;  // at most 1 MiB

  // With the owner, mode and extended attributes of the file `like`, if there is one; else root's, 0644.
  Result<Staged> stage(const std::string& name, const std::string& bytes, const std::string& like) const;
  Status write(const std::string& name, const std::string& bytes, const std::string& like) const;
  Status remove(const std::string& name) const;  // also when it is not there

 private:
  Folder(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  UniqueFd fd_;
  std::string path_;
};

}  // namespace syncnode::docker_ipv6
