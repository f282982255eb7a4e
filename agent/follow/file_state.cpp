#include "follow/file_state.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"
#include "sqlite/read_mark.h"
#include "sqlite/source_file.h"

namespace syncnode::follow {
namespace {

// Offsets in the wal-index header and in that of the -wal (SQLite's "WAL-mode File Format").
constexpr size_t kIsInit = 12, kIndexSalt = 32, kLogSalt = 16, kSalt = 8;

Status failed(const std::string& path) {
  return Error{ErrorCode::kUnavailable, "reading '" + path + "': " + std::strerror(errno), ""};
}

bool is_settled(const sqlite::FileFacts& facts) {
  return sqlite::unsettled_for(facts).count() == 0;
}

}  // namespace

Result<FileState> FileState::of(const std::string& path) {
  FileState state;
  SN_TRY(state.read_main(path));
  if (!state.exists()) return state;
  if (state.says_wal()) {
    SN_TRY(state.read_log(path));
  } else {
    // The change counter in the header counts the commits, whatever the timestamps say.
    state.is_proof_ = true;
    SN_TRY(state.read_journal(path));
  }
  return state;
}

Status FileState::read_main(const std::string& path) {
  SN_ASSIGN(const UniqueFd file, sqlite::open_for_reading(path));
  if (!file.valid()) return {};
  SN_ASSIGN(main_, sqlite::facts_of(file.get()));
  return sqlite::read_fully(file.get(), header_.data(), header_.size(), 0) < 0 ? failed(path) : Status();
}

// Of no interest to the state: while a transaction can still be undone it has not counted.
Status FileState::read_journal(const std::string& path) {
  SN_ASSIGN(const UniqueFd journal, sqlite::open_for_reading(path + "-journal"));
  char first = 0;
  is_writing_ = journal.valid() && sqlite::read_fully(journal.get(), &first, 1, 0) == 1 && first != 0;
  if (is_writing_) is_proof_ = false;
  return {};
}

// A commit is in the log and then in the wal-index, which alone makes it count: what is only in the log is
// not yet, or never. An application that keeps the index in its own memory leaves none, or an old one, of
// another log or of this one, that nobody has open.
Status FileState::read_log(const std::string& path) {
  SN_ASSIGN(const UniqueFd log, sqlite::open_for_reading(path + "-wal"));
  std::array<unsigned char, kLogHeader> log_header{};
  ssize_t got = 0;
  if (log.valid()) {
    SN_ASSIGN(log_, sqlite::facts_of(log.get()));
    got = sqlite::read_fully(log.get(), log_header.data(), log_header.size(), 0);
    if (got < 0) return failed(path + "-wal");
  }
  const auto index = sqlite::open_for_reading(path + "-shm");
  if (index && index->valid() &&
      sqlite::read_fully(index->get(), index_.data(), index_.size(), 0) < static_cast<ssize_t>(index_.size()))
    index_ = {};
  const bool is_whole = std::equal(index_.begin(), index_.begin() + kIndex, index_.begin() + kIndex);
  const bool is_its = index_[kIsInit] != 0 && got == kLogHeader && index && index->valid() &&
                      sqlite::ReadMark::is_live(index->get()) &&
                      std::equal(log_header.begin() + kLogSalt, log_header.begin() + kLogSalt + kSalt,
                                 index_.begin() + kIndexSalt);
  if (is_its) {
    // The frames of a transaction that may yet be undone come and go.
    log_.size = log_.modified = log_.changed = 0;
    is_proof_ = is_whole;
  } else {
    // Where the log is empty the next commit makes it longer.
    is_proof_ = log_.size == 0 || (is_settled(main_) && is_settled(log_));
  }
  return {};
}

}  // namespace syncnode::follow
