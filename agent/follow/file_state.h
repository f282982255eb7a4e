// FileState: what any commit to a client's database changes, read without SQLite and without a lock: what
// stat(2) says, the header of the file, and in WAL mode the header of the wal-index, which SQLite writes
// through a mapping that no timestamp follows. Two equal looks, the first of which is a proof, have no commit
// between them. Refuses to say what was committed, and to keep anything open. At most 228 bytes are read;
// some twenty system calls. Any thread.
#pragma once

#include <array>
#include <string>

#include "base/result.h"
#include "sqlite/file_facts.h"

namespace syncnode::follow {

class FileState {
 public:
  // Errors as sqlite::open_for_reading; a file that is not there is a state.
  static Result<FileState> of(const std::string& path);

  bool exists() const { return main_.exists; }
  // Equality with a later look proves that nothing was committed since this one. Not so where only timestamps
  // tell and these are too young to tell two writes apart, nor in the middle of a write.
  bool is_proof() const { return is_proof_; }
  // The journal of a transaction is there: it is under way, or its application died in it.
  bool is_writing() const { return is_writing_; }

  // The same commits, as far as this look can tell.
  bool operator==(const FileState& other) const {
    return main_ == other.main_ && log_ == other.log_ && header_ == other.header_ && index_ == other.index_;
  }

 private:
  static constexpr size_t kHeader = 100, kIndex = 48, kLogHeader = 32;

  Status read_main(const std::string& path);
  Status read_journal(const std::string& path);
  Status read_log(const std::string& path);
  bool says_wal() const { return header_[19] == 2; }

  sqlite::FileFacts main_, log_;
  std::array<unsigned char, kHeader> header_{};
  // Both copies of the wal-index header, which differ while it is written.
  std::array<unsigned char, 2 * kIndex> index_{};
  bool is_proof_ = false, is_writing_ = false;
};

}  // namespace syncnode::follow
