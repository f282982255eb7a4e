// JournalPages: which pages the transaction of a rollback journal may have written, read when it is over
// (SQLite file format §3, "The Rollback Journal"). The journal holds what pages were before: of those that
// held something. Refuses a journal that is not whole from its first byte to its last, and to say whether the
// transaction was committed or rolled back. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace syncnode::sqlite {

struct JournalPages {
  uint32_t page_size = 0;
  uint32_t counter = 0;     // the file's change counter before the transaction
  uint32_t page_count = 0;  // of the file before it; what was written beyond is not listed
  // All others that may have been written: those that were kept, and those that were free.
  std::vector<uint32_t> pages;
};

// `journal`: all bytes of one. Nothing where it is not whole, not of one transaction of this file alone, or
// says nothing of page 1, which every transaction that is committed keeps.
std::optional<JournalPages> read_journal(std::string_view journal);
// The same of an open file; nothing where that is longer than `most` bytes.
std::optional<JournalPages> read_journal(int fd, int64_t most);
// False: it has none of its records on the disk yet, and its transaction has written nothing to the file.
bool has_beginning(int journal_fd);
// Of the database file itself: how many transactions were committed, modulo 2^32.
std::optional<uint32_t> change_counter(int main_fd);

}  // namespace syncnode::sqlite
