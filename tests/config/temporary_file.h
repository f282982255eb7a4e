// A file with given text and mode that is gone when the test ends.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

namespace syncnode::config {

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view text, mode_t mode = 0600) : path_("/tmp/sync-node-config-XXXXXX") {
    int fd = ::mkstemp(path_.data());
    [[maybe_unused]] auto written = ::write(fd, text.data(), text.size());
    ::fchmod(fd, mode);
    ::close(fd);
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace syncnode::config
