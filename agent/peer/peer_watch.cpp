#include "peer/peer_watch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>
#include <system_error>

#include "base/clock.h"
#include "peer/node_lock.h"

namespace syncnode::peer {
namespace {

constexpr uint64_t kLook = 1;
constexpr uint64_t kEnd = uint64_t{1} << 32;
// Inotify may be short of watches, and a directory may appear late.
constexpr int kSlowLookMilliseconds = 2000;
constexpr int kMostLooks = 3;  // at a holder that changes meanwhile; without a free descriptor none helps
constexpr uint32_t kChanges = IN_CREATE | IN_MOVED_TO | IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF;

bool is_over(const UniqueFd& process) {
  pollfd watched{process.get(), POLLIN, 0};
  return ::poll(&watched, 1, 0) == 1;
}

// Who holds the lock; 0 for nobody, or nobody we can name (another pid namespace).
pid_t holder_of(int file) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  // A reader's lock is nobody's life.
  if (::fcntl(file, F_GETLK, &lock) != 0 || lock.l_type != F_WRLCK) return 0;
  return std::max(lock.l_pid, 0);
}

bool is_unlocked(int file) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(file, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

// Nothing where /proc hides the process (ProtectProc=, not dumpable).
std::optional<uid_t> user_of(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string word; status >> word;) {
    uid_t user = 0;
    if (word == "Uid:" && status >> user) return user;
  }
  return std::nullopt;
}

// A file or process of another user is not the other node, whatever it says. Who holds a write lock could
// open the file for writing: its owner, unless the mode lets others.
bool is_our_file(const struct stat& status) {
  return S_ISREG(status.st_mode) && status.st_uid == ::geteuid() &&
         (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool is_ours(int file, pid_t pid) {
  struct stat status {};
  if (::fstat(file, &status) != 0 || !is_our_file(status)) return false;
  return user_of(pid).value_or(::geteuid()) == ::geteuid();
}

std::optional<NodeFacts> read_facts(int file) {
  std::array<char, 4096> buffer{};
  const ssize_t got = ::pread(file, buffer.data(), buffer.size(), 0);
  if (got <= 0) return std::nullopt;
  return from_line({buffer.data(), static_cast<size_t>(got)});
}

}  // namespace

Result<std::unique_ptr<PeerWatch>> PeerWatch::start(std::string directory, std::string name,
                                                    PeerCallbacks callbacks) {
  std::unique_ptr<PeerWatch> watch(
      new PeerWatch(std::move(directory), std::move(name), std::move(callbacks)));
  if (!watch->wake_.valid()) {
    return Error{ErrorCode::kResourceExhausted, "no file descriptor left to watch the other node", ""};
  }
  try {
    watch->thread_ = std::thread(&PeerWatch::run, watch.get());
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("cannot start the thread that watches the other node: {}", error.what()), ""};
  }
  return watch;
}

PeerWatch::PeerWatch(std::string directory, std::string name, PeerCallbacks callbacks)
    : directory_(std::move(directory)),
      name_(std::move(name)),
      callbacks_(std::move(callbacks)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {}

PeerWatch::~PeerWatch() {
  wake(kEnd);
  if (thread_.joinable()) thread_.join();
}

void PeerWatch::look() {
  wake(kLook);
}

void PeerWatch::wake(uint64_t what) {
  static_cast<void>(!::write(wake_.get(), &what, sizeof what));
}

void PeerWatch::run() {
  while (true) {
    watch_directory();
    // Who dies under our eyes, before there is a pidfd of it, wakes nobody: it is looked for again at once.
    for (int looks = 1; !find_holder() && looks < kMostLooks; ++looks) {
    }
    report_deaths();
    std::vector<pollfd> polled{{wake_.get(), POLLIN, 0}, {inotify_.get(), POLLIN, 0}};
    for (const Watched& one : watched_) polled.push_back({one.process.get(), POLLIN, 0});
    ::poll(polled.data(), polled.size(), kSlowLookMilliseconds);
    uint64_t rings = 0;
    if (::read(wake_.get(), &rings, sizeof rings) == sizeof rings && rings >= kEnd) return;
    std::array<char, 4096> events{};
    while (inotify_.valid() && ::read(inotify_.get(), events.data(), events.size()) > 0) {
    }
  }
}

// Adding a watch that is there already changes nothing; one that went with its directory comes back.
void PeerWatch::watch_directory() {
  if (inotify_.valid()) ::inotify_add_watch(inotify_.get(), directory_.c_str(), kChanges);
}

bool PeerWatch::find_holder() {
  const std::string path = lock_path(directory_, name_);
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return true;
  const pid_t pid = holder_of(file.get());
  if (pid <= 0) find_remains(file.get());
  if (pid <= 0 || !is_ours(file.get(), pid)) return true;
  UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.valid() || holder_of(file.get()) != pid) return false;
  const auto facts = read_facts(file.get());
  // Still alive after the reading: so what was read was not written by a later process of the same pid.
  if (is_over(process)) return false;
  if (!facts || facts->pid != pid) return true;
  const auto known = std::find_if(watched_.begin(), watched_.end(), [&](const Watched& one) {
    return one.facts.pid == pid && !is_over(one.process);
  });
  if (known == watched_.end()) {
    watched_.push_back({*facts, std::move(process)});
  } else if (known->facts == *facts) {
    return true;
  } else {
    known->facts = *facts;
  }
  if (callbacks_.alive) callbacks_.alive(*facts);
  return true;
}

// A line in a file that nobody locks: its writer held that very lock for life, so it is gone.
void PeerWatch::find_remains(int file) {
  struct stat status {};
  if (::fstat(file, &status) != 0 || !is_our_file(status)) return;
  const auto facts = read_facts(file);
  // Asked after the reading: whoever wrote this and lives would hold it now.
  if (!facts || facts->inode != status.st_ino || facts->nonce == last_gone_ || !is_unlocked(file)) return;
  const bool watched = std::any_of(watched_.begin(), watched_.end(),
                                   [&](const Watched& one) { return one.facts.nonce == facts->nonce; });
  if (watched) return;  // its pidfd tells
  last_gone_ = facts->nonce;
  if (callbacks_.died) callbacks_.died(*facts);
}

void PeerWatch::report_deaths() {
  for (size_t i = 0; i < watched_.size();) {
    if (!is_over(watched_[i].process)) {
      ++i;
      continue;
    }
    const NodeFacts gone = watched_[i].facts;
    last_gone_ = gone.nonce;
    watched_.erase(watched_.begin() + static_cast<std::ptrdiff_t>(i));
    if (callbacks_.died) callbacks_.died(gone);
  }
}

}  // namespace syncnode::peer
