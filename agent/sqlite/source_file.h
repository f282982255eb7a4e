// SourceFile: the client's main database file, opened once, for reading only, and its neighbours' names.
// Refuses to write, create, follow symbolic links or open anything but regular files. One owner, one thread.
#pragma once

#include <array>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sqlite/file_facts.h"
#include "sqlite/snapshot.h"

namespace syncnode::sqlite {

// Opens for reading without waiting for FIFOs or following a link anywhere in `path` (/proc aside, where only
// the last name is none); an invalid descriptor when absent.
Result<UniqueFd> open_for_reading(const std::string& path);

// pread(2) to the end of `size` or of the file; the number of bytes got, or -1.
ssize_t read_fully(int fd, void* buffer, size_t size, off_t offset);

class SourceFile {
 public:
  using Header = std::array<unsigned char, 100>;

  // kNotFound, kFailedPrecondition (no regular file, not SQLite or encrypted), kPermissionDenied, kAborted.
  static Result<SourceFile> open(const std::string& path);

  int fd() const { return fd_.get(); }
  const std::string& path() const { return path_; }
  std::string wal_path() const { return path_ + "-wal"; }
  std::string shm_path() const { return path_ + "-shm"; }
  const SourceIdentity& identity() const { return identity_; }

  Result<FileFacts> facts() const { return facts_of(fd_.get()); }
  // All zero where the file is empty; kFailedPrecondition when it is no SQLite database.
  Result<Header> read_header() const;
  static bool says_wal(const Header& header) { return header[19] == 2; }
  static uint32_t page_size(const Header& header);  // 0: it says none
  // As SQLite sees it: an empty -wal is none.
  Result<bool> wal_exists() const;
  // A journal that somebody must roll back before the file may be read: not empty, not finished, no writer
  // alive.
  Result<bool> has_hot_journal() const;
  // The path still leads to the file that was opened; else kAborted.
  Status check_same_file() const;

 private:
  SourceFile(std::string path, UniqueFd fd, SourceIdentity identity);
  // A journal with a beginning while no writer holds the file; absent facts when there is none.
  Result<FileFacts> ownerless_journal() const;

  std::string path_;
  UniqueFd fd_;
  SourceIdentity identity_;
};

Error hot_journal_error(const std::string& path);

}  // namespace syncnode::sqlite
