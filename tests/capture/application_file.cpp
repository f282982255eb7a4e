// What the application, an administrator or SIGKILL does to the file as a whole.
#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <utility>

#include "application.h"

namespace syncnode::capture {

void Application::vacuum() {
  if (!one_in(random_, 3)) {
    page_size_ = pick(std::array{512, 1024, 4096, 8192}, random_);
    run(fmt::format("PRAGMA page_size = {}", page_size_));  // not in WAL mode
  }
  if (one_in(random_, 4))
    run(fmt::format("PRAGMA auto_vacuum = {}", pick(std::array{"NONE", "FULL", "INCREMENTAL"}, random_)));
  run("VACUUM");
}

void Application::vacuum_into() {
  const std::string other = directory_ + "/other.db";
  std::filesystem::remove(other);
  if (!run_all("VACUUM INTO '" + other + "'")) return;
  close();
  for (const char* suffix : {"-wal", "-shm", "-journal"}) std::filesystem::remove(path() + suffix);
  std::filesystem::rename(other, path());
  note("the vacuumed file took the old one's place");
  open();
}

void Application::incremental_vacuum() {
  run(fmt::format("PRAGMA incremental_vacuum({})", below(random_, 20)));
}

void Application::flip_journal_mode() {
  const auto mode =
      pick(std::array{"DELETE", "TRUNCATE", "PERSIST", "MEMORY", "WAL", "WAL", "WAL", "WAL"}, random_);
  const std::string error = run(fmt::format("PRAGMA journal_mode = {}", mode));
  journal_in_memory_ = mode == std::string("MEMORY") || (journal_in_memory_ && !error.empty());
}

void Application::checkpoint() {
  run(fmt::format("PRAGMA wal_checkpoint({})",
                  pick(std::array{"PASSIVE", "PASSIVE", "FULL", "RESTART", "TRUNCATE"}, random_)));
}

void Application::checkpoint_settings() {
  run(fmt::format("PRAGMA wal_autocheckpoint = {}", pick(std::array{0, 1, 5, 40, 1000}, random_)));
}

void Application::reopen() {
  close();
  if (one_in(random_, 3)) return;  // nobody has it open while it is looked at
  open();
}

void Application::be_killed() {
  if (journal_in_memory_) return;  // SQLite itself cannot mend that
  writer_.kill();
  is_open_ = is_reading_ = false;
  if (before_transaction_) tables_ = *std::exchange(before_transaction_, std::nullopt);
  note("killed");
}

// A long read of the application's: checkpoints stop at it.
void Application::begin_to_read() {
  if (is_reading_ || tables_.empty()) return;
  writer_.open(kReader, path());
  is_reading_ = run("BEGIN; SELECT count(*) FROM sqlite_schema", kReader).empty();
}

void Application::end_reading() {
  if (std::exchange(is_reading_, false)) run("COMMIT", kReader);
}

// Of a file that is closed; or of one in use together with its log, as a snapshot of a file system has them.
void Application::keep_copy() {
  const auto options = std::filesystem::copy_options::overwrite_existing;
  run("SELECT count(*) FROM sqlite_schema");  // mends what a kill left behind
  if (one_in(random_, 2)) close();
  std::filesystem::copy_file(path(), directory_ + "/copy.db", options);
  std::filesystem::remove(directory_ + "/copy.db-wal");
  if (std::filesystem::exists(path() + "-wal"))
    std::filesystem::copy_file(path() + "-wal", directory_ + "/copy.db-wal", options);
  copy_ = tables_;
  note("a copy was kept");
  open();
}

void Application::put_copy_back() {
  if (!copy_) return;
  if (one_in(random_, 2)) {
    close();
  } else {
    writer_.kill();
    is_open_ = is_reading_ = journal_in_memory_ = false;
  }
  for (const char* suffix : {"-wal", "-shm", "-journal"}) std::filesystem::remove(path() + suffix);
  if (one_in(random_, 2)) std::filesystem::remove(path());  // another inode, or the same one
  for (const char* suffix : {"", "-wal"}) {
    if (std::filesystem::exists(directory_ + "/copy.db" + suffix))
      std::filesystem::copy_file(directory_ + "/copy.db" + suffix, path() + suffix,
                                 std::filesystem::copy_options::overwrite_existing);
  }
  tables_ = *copy_;
  note("the copy was put back");
  open();
}

}  // namespace syncnode::capture
