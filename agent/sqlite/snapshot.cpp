#include "sqlite/snapshot.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "sqlite/log_room.h"
#include "sqlite/ofd_lock.h"
#include "sqlite/page_image.h"
#include "sqlite/quiet_vfs.h"
#include "sqlite/read_mark.h"
#include "sqlite/schema_reader.h"
#include "sqlite/shared_hold.h"
#include "sqlite/source_pages.h"
#include "sqlite/unlocked_read.h"

namespace syncnode::sqlite {
namespace {

constexpr std::chrono::milliseconds kFirstRetryPause{2};
constexpr std::chrono::milliseconds kLongestRetryPause{128};
constexpr std::chrono::milliseconds kCheckInterval{50};
constexpr std::chrono::milliseconds kLookInterval{1};
constexpr int kProgressSteps = 20'000;

Error busy(const SourceFile& file, const std::string& why) {
  return Error{ErrorCode::kUnavailable, "'" + file.path() + "' " + why, ""};
}

// What all attempts of one open() share.
struct Attempts {
  const SnapshotOptions options;
  const Deadline insist_from;
  const Deadline deadline;
  const std::shared_ptr<ImageSpace> images;
  const std::shared_ptr<ImageSpace> live_images;
  bool index_unusable = false;
};

Result<std::unique_ptr<ReadGuard>> choose_wal_guard(const SourceFile& file, const FileFacts& facts,
                                                    const Attempts& attempts) {
  SN_ASSIGN(const bool hot, file.has_hot_journal());
  if (hot) return hot_journal_error(file.path());
  if (write_locked(file.fd(), kPendingByte, kSharedFirst + kSharedSize - kPendingByte)) {
    return busy(file, "is held exclusively by its application (opening, closing, or locking_mode=EXCLUSIVE)");
  }
  SN_ASSIGN(UniqueFd wal, open_for_reading(file.wal_path()));
  SN_ASSIGN(UniqueFd shm, open_for_reading(file.shm_path()));
  if (shm.valid() && ReadMark::is_being_initialised(shm.get())) {
    return busy(file, "is being opened by its application");
  }
  if (wal.valid() && shm.valid() && ReadMark::is_live(shm.get()) && !attempts.index_unusable) {
    attempts.live_images->reserve(facts.size, ReadMark::log_bytes(shm.get()));
    return {std::make_unique<ReadMark>(file, attempts.live_images, attempts.deadline, std::move(wal),
                                       std::move(shm))};
  }
  FileFacts wal_facts;
  if (wal.valid()) {
    SN_ASSIGN(wal_facts, facts_of(wal.get()));
  }
  attempts.images->reserve(facts.size, wal_facts.size);
  return {std::make_unique<UnlockedRead>(file, attempts.images, attempts.deadline, std::move(wal))};
}

Result<std::unique_ptr<ReadGuard>> choose_guard(const SourceFile& file, const Attempts& attempts) {
  SN_ASSIGN(const SourceFile::Header header, file.read_header());
  SN_ASSIGN(const FileFacts facts, file.facts());
  SN_ASSIGN(const bool wal_exists, file.wal_exists());
  if (facts.size > 0 && (SourceFile::says_wal(header) || wal_exists))
    return choose_wal_guard(file, facts, attempts);
  attempts.images->reserve(facts.size, 0);
  const bool gives_way = BootClock::now() < attempts.insist_from;
  return {std::make_unique<SharedHold>(file, attempts.images, attempts.deadline, attempts.options.hold,
                                       gives_way)};
}

// The wal-index is there but has nothing for a reader who may not write to it (no read mark yet, not
// recovered).
bool index_is_unusable(int code) {
  return code == SQLITE_READONLY_RECOVERY || code == SQLITE_READONLY_CANTINIT || code == SQLITE_PROTOCOL;
}

class LiveSnapshot final : public Snapshot {
 public:
  LiveSnapshot(SourceFile file, std::shared_ptr<const RightOfWay> gives_way_to)
      : file_(std::move(file)), gives_way_to_(std::move(gives_way_to)) {}
  Status begin(Attempts& attempts);

  Result<SourceSchema> read_schema() override {
    auto schema = sqlite::read_schema(database_);
    if (!schema) SN_TRY(vfs_->check());
    return schema;
  }
  Result<Statement> prepare(std::string_view sql) override { return database_.prepare(sql); }
  Result<SourcePages*> pages() override;

  Status breathe() override {
    const auto now = BootClock::now();
    if (gives_way_to_ != nullptr) gives_way_to_->give_way(now);
    if (now < next_look_) return {};
    next_look_ = now + kLookInterval;
    outstays_ = guard_->outstays();
    if (now < next_check_) return {};
    next_check_ = now + kCheckInterval;
    return vfs_->check();
  }

  using Snapshot::keep_pages;
  Status keep_pages(const std::vector<bool>& wanted, std::shared_ptr<PageImage> image) override {
    SN_ASSIGN(const auto* pages, this->pages());
    SN_TRY(guard_->keep_pages(wanted, pages->page_size(), image));
    if (!guard_->holds_log() && !guard_->holds_shared()) let_go_ = BootClock::now();
    return {};
  }
  uint32_t log_growth() const override { return guard_->log_growth(); }
  bool holds_log() const override { return guard_->holds_log(); }
  bool holds_shared() const override { return guard_->holds_shared(); }
  bool outstays() const override { return outstays_; }

  Status validate() override {
    SN_TRY(vfs_->check());
    return file_.check_same_file();
  }

  SourceIdentity identity() const override { return file_.identity(); }
  JournalMode journal_mode() const override { return guard_->journal_mode(); }
  HarmReport harm() const override {
    return {guard_->longest_shared_hold(), let_go_.value_or(BootClock::now()) - begun_at_,
            vfs_->bytes_read() + (pages_ ? pages_->bytes_read() : 0)};
  }

 private:
  Status configure();
  static int on_progress(void* self) { return static_cast<LiveSnapshot*>(self)->breathe() ? 0 : 1; }

  // Destroyed from the last to the first: the connection before what it reads through.
  SourceFile file_;
  std::unique_ptr<ReadGuard> guard_;
  std::unique_ptr<QuietVfs> vfs_;
  Database database_;
  std::unique_ptr<SourcePages> pages_;
  const std::shared_ptr<const RightOfWay> gives_way_to_;
  BootClock::time_point begun_at_{};
  std::optional<BootClock::time_point> let_go_;  // of the log; what follows is read from memory
  BootClock::time_point next_check_{};
  BootClock::time_point next_look_{};
  bool outstays_ = false;
};

Status LiveSnapshot::configure() {
  sqlite3* handle = database_.handle();
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  // writable_schema (on a file nobody here can write): one definition this SQLite cannot parse must not hide
  // the others. Defensive mode would refuse it afterwards.
  SN_TRY(database_.execute("PRAGMA writable_schema=ON; PRAGMA query_only=ON; PRAGMA cell_size_check=ON"));
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_progress_handler(handle, kProgressSteps, on_progress, this);
  return {};
}

Result<SourcePages*> LiveSnapshot::pages() {
  if (pages_) return pages_.get();
  if (guard_->log_state() == LogState::kUnknown) {
    return Error{ErrorCode::kFailedPrecondition, "its log has no owner", ""};
  }
  uint32_t facts[2]{};
  for (int i = 0; i < 2; ++i) {
    SN_ASSIGN(auto pragma, database_.prepare(i == 0 ? "PRAGMA page_size" : "PRAGMA page_count"));
    SN_ASSIGN(const bool found, pragma.step());
    if (found) facts[i] = static_cast<uint32_t>(pragma.column_int64(0));
  }
  pages_ = std::make_unique<SourcePages>(file_, *guard_, facts[0], facts[1]);
  return pages_.get();
}

Status LiveSnapshot::begin(Attempts& attempts) {
  SN_ASSIGN(guard_, choose_guard(file_, attempts));
  vfs_ = std::make_unique<QuietVfs>(file_, *guard_);
  begun_at_ = BootClock::now();
  next_check_ = begun_at_ + kCheckInterval;
  sqlite3* handle = nullptr;
  const int flags =
      SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
  const int opened = sqlite3_open_v2(file_.path().c_str(), &handle, flags, vfs_->name());
  database_ = Database(handle);
  if (opened != SQLITE_OK) SN_TRY(vfs_->check());
  if (opened != SQLITE_OK) return translate_error(opened, handle, "opening '" + file_.path() + "'");
  SN_TRY(configure());
  auto started = database_.execute("BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1; PRAGMA cache_size=-8192");
  if (!started) {
    const int code = sqlite3_extended_errcode(handle);
    SN_TRY(vfs_->check());
    if (index_is_unusable(code)) {
      attempts.index_unusable = true;
      return busy(file_, "has a WAL index that is not ready");
    }
    return std::move(started).error().with_context("reading '" + file_.path() + "'");
  }
  SN_TRY(guard_->started());
  return guard_->keep_image();
}

bool may_pass(const Error& error) {
  return error.code == ErrorCode::kAborted || error.code == ErrorCode::kUnavailable;
}

}  // namespace

Result<std::unique_ptr<Snapshot>> Snapshot::open(const std::string& path, const SnapshotOptions& options) {
  Attempts attempts{options, deadline_in(options.courtesy), deadline_in(options.patience),
                    std::make_shared<ImageSpace>(options.image_bytes),
                    std::make_shared<ImageSpace>(std::min(options.image_bytes, options.live_image_bytes))};
  wait_for_room(path, options.log_room);
  for (auto pause = kFirstRetryPause;; pause = std::min(2 * pause, kLongestRetryPause)) {
    auto file = SourceFile::open(path);
    if (!file) return std::move(file).error();
    auto snapshot = std::make_unique<LiveSnapshot>(std::move(*file), options.gives_way_to);
    auto begun = snapshot->begin(attempts);
    if (begun) return {std::move(snapshot)};
    if (!may_pass(begun.error())) return std::move(begun).error();
    if (BootClock::now() >= attempts.deadline) {
      return Error{ErrorCode::kStarved, "no quiet moment to read: " + begun.error().message,
                   begun.error().hint};
    }
    snapshot.reset();
    pause_for(pause);
  }
}

Status Snapshot::keep_pages(const std::vector<bool>& wanted) {
  return keep_pages(wanted, std::make_shared<PageImage>());
}

std::string quote_identifier(std::string_view name) {
  std::string quoted = "\"";
  for (const char letter : name) {
    if (letter == '"') quoted += '"';
    quoted += letter;
  }
  return quoted + '"';
}

}  // namespace syncnode::sqlite
