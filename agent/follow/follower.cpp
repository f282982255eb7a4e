#include "follow/follower.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <set>
#include <system_error>
#include <utility>

namespace syncnode::follow {
namespace {

using std::chrono::milliseconds;

// Between two times we listen: so that a stream of writes costs us looks at this pace, not one a write.
constexpr milliseconds kDeafAfterHint{2};
// The last write to a log is not yet the commit: that comes through shared memory, after the disk has it, and
// makes no event. So a hint is looked after again, ever later, until the timer has it.
constexpr milliseconds kFirstEcho{1}, kLastEcho{128};
// Who reads the log itself need not do so at every write.
constexpr milliseconds kBetweenLooks{20};
// What is urgent is looked at at once, as long as that is not too much: in the long run it takes one in so
// many parts of a processor's time, whatever the application does, and so much at a stretch.
constexpr int kShare = 4;
constexpr milliseconds kStretch{50};
// A transaction of a rollback journal whose pages reached the file before its end. An application that died
// in it never ends it, and a run says so.
constexpr milliseconds kPatience{2000};

bool is_of(const std::string& file, const std::string& database) {
  if (!file.starts_with(database)) return false;
  const std::string_view rest = std::string_view(file).substr(database.size());
  return rest.empty() || rest == "-wal" || rest == "-journal" || rest == "-shm";
}

}  // namespace

Result<std::unique_ptr<Follower>> Follower::start(Callbacks callbacks, Log& log, FollowerOptions options) {
  std::unique_ptr<Follower> follower(new Follower(std::move(callbacks), log, options));
  if (!follower->wake_.valid())
    return Error{ErrorCode::kResourceExhausted, "no file descriptor left to follow the clients", ""};
  try {
    follower->thread_ = std::jthread([raw = follower.get()](const std::stop_token& stop) { raw->run(stop); });
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kResourceExhausted,
                 std::string("cannot start the thread that follows the clients: ") + error.what(), ""};
  }
  return follower;
}

Follower::Follower(Callbacks callbacks, Log& log, FollowerOptions options)
    : callbacks_(std::move(callbacks)),
      log_(log),
      options_(options),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Follower::~Follower() {
  thread_.request_stop();
  ::eventfd_write(wake_.get(), 1);
}

void Follower::follow(std::vector<Followed> clients) {
  {
    const std::lock_guard lock(mutex_);
    wanted_ = std::move(clients);
  }
  ::eventfd_write(wake_.get(), 1);
}

void Follower::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    take_list();
    for (auto& [name, slot] : slots_) {
      if (slot.rings) look_at_once(slot);
    }
    take_hints();
    Deadline next = Deadline::max();
    for (auto& [name, slot] : slots_) {
      if (slot.next <= BootClock::now()) look(slot);
      next = std::min(next, slot.next);
    }
    wait(next);
  }
}

void Follower::take_list() {
  std::optional<std::vector<Followed>> wanted;
  {
    const std::lock_guard lock(mutex_);
    wanted.swap(wanted_);
  }
  if (!wanted) return;
  std::map<std::string, Slot> slots;
  std::set<std::string> directories;
  for (Followed& one : *wanted) {
    const size_t slash = one.path.rfind('/');
    if (slash == std::string::npos || (!one.live && !callbacks_.look)) continue;
    const auto known = slots_.find(one.client);
    Slot slot;
    if (known != slots_.end() && known->second.followed == one) slot = std::move(known->second);
    slot.directory = one.path.substr(0, std::max<size_t>(slash, 1));
    slot.file = one.path.substr(slash + 1);
    directories.insert(slot.directory);
    const std::string name = one.client;
    slot.followed = std::move(one);
    slots.emplace(name, std::move(slot));
  }
  slots_ = std::move(slots);
  watches_.keep_only(directories);
}

void Follower::take_hints() {
  if (watches_.fd() < 0 || BootClock::now() < listens_from_) return;
  bool any = false;
  watches_.take([&](const std::string& directory, const std::string& file) {
    any = true;
    if (options_.deaf) return;
    for (auto& [name, slot] : slots_) {
      if (slot.directory == directory && (file.empty() || is_of(file, slot.file))) hint(slot);
    }
  });
  if (any) listens_from_ = deadline_in(kDeafAfterHint);
}

void Follower::hint(Slot& slot) {
  const Deadline now = BootClock::now();
  slot.echo = kFirstEcho;
  slot.next = slot.followed.live ? now : std::min(slot.next, std::max(now, slot.looked + kBetweenLooks));
}

void Follower::look_at_once(Slot& slot) {
  slot.rings = false;
  const Deadline begun = BootClock::now();
  if (callbacks_.look) callbacks_.look(slot.followed.client, slot.followed.path);
  slot.paid_until = std::max(slot.paid_until, begun) + kShare * (BootClock::now() - begun);
  slot.rings_from = slot.paid_until - kStretch;
}

void Follower::look(Slot& slot) {
  const bool by_timer = slot.echo.count() == 0;
  if (by_timer) watch_directory(slot);
  slot.looked = BootClock::now();
  if (callbacks_.look) callbacks_.look(slot.followed.client, slot.followed.path);
  if (callbacks_.urgent && slot.followed.live)
    slot.urgent = callbacks_.urgent(slot.followed.client, slot.followed.path);
  const auto tick = slot.followed.live ? options_.live_tick : options_.tick;
  slot.next = slot.looked + tick;
  if (slot.echo > kLastEcho) slot.echo = milliseconds(0);
  if (slot.echo.count() > 0) {
    slot.next = std::min(slot.next, slot.looked + (slot.followed.live ? slot.echo : kBetweenLooks));
    // The log alone is read once more: it is begun anew with the next commit, and had this one by then.
    slot.echo = slot.followed.live ? 2 * slot.echo : 2 * kLastEcho;
  }
  if (slot.followed.live && is_news(slot) && callbacks_.changed) callbacks_.changed(slot.followed.client);
}

// A file that cannot be looked at is news once: the run that follows says why.
bool Follower::is_news(Slot& slot) {
  auto looked = FileState::of(slot.followed.path);
  std::optional<FileState> now;
  if (looked) now = *looked;
  const bool is_same = slot.told && now == slot.last;
  const bool proves_more = now && slot.last && now->is_proof() && !slot.last->is_proof();
  if (is_same && !proves_more) {
    slot.patient_until = {};
    return false;
  }
  if (now && now->is_writing() && slot.told) {
    if (slot.patient_until == Deadline()) slot.patient_until = deadline_in(kPatience);
    if (BootClock::now() < slot.patient_until) return false;
  }
  slot.patient_until = {};
  slot.last = now;
  slot.told = true;
  return true;
}

// Told once for all, when it begins and when it is over.
void Follower::watch_directory(Slot& slot) {
  const bool unwatched = !watches_.watch(slot.directory);
  if (unwatched == slot.unwatched) return;
  slot.unwatched = unwatched;
  const bool others = std::any_of(slots_.begin(), slots_.end(), [&](const auto& other) {
    return &other.second != &slot && other.second.unwatched;
  });
  if (others) return;
  if (!unwatched) return log_.info("the host has inotify watches again for the directories of all clients");
  log_.warning(
      "the host has no inotify watch left for the directory of client '" + slot.followed.client +
      "': changes are found by a timer alone; hint: raise fs.inotify.max_user_watches or max_user_instances");
}

// Until a look is due, a hint comes, something urgent, or the list is another one.
void Follower::wait(Deadline until) {
  const Deadline now = BootClock::now();
  std::vector<pollfd> polled{{wake_.get(), POLLIN, 0}};
  std::vector<Slot*> urgent;
  // Who is not listened to yet bounds the wait.
  const auto listen = [&](int fd, Deadline from) {
    if (now >= from) polled.push_back({fd, POLLIN, 0});
    if (now < from) until = std::min(until, from);
    return now >= from;
  };
  if (watches_.fd() >= 0) listen(watches_.fd(), listens_from_);
  const size_t others = polled.size();
  for (auto& [name, slot] : slots_) {
    if (slot.urgent && !options_.deaf && listen(slot.urgent->get(), slot.rings_from)) urgent.push_back(&slot);
  }
  const auto left = std::max(until - now, BootClock::duration(0));
  const timespec patience{static_cast<time_t>(left.count() / 1'000'000'000),
                          static_cast<long>(left.count() % 1'000'000'000)};
  ::ppoll(polled.data(), polled.size(), until == Deadline::max() ? nullptr : &patience, nullptr);
  for (size_t i = 0; i < urgent.size(); ++i) urgent[i]->rings = polled[others + i].revents != 0;
  eventfd_t rings = 0;
  ::eventfd_read(wake_.get(), &rings);
}

}  // namespace syncnode::follow
