// Follower: notices that clients' databases were written. Inotify is the hint that makes it look, a timer the
// truth: without a single event a change is found by the next tick. Who reads what the application leaves for
// milliseconds only (a rollback journal) has a descriptor of his own that this thread waits for. Refuses to
// open anything with SQLite, to keep a descriptor of a client's file itself between two looks, and to say
// what changed. Owns one thread, which calls back; follow() from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "follow/directory_watches.h"
#include "follow/file_state.h"

namespace syncnode::follow {

struct Followed {
  std::string client, path;
  bool live = false;
  bool operator==(const Followed&) const = default;
};

// On the follower's thread: quick, or everybody waits.
struct Callbacks {
  // A live client's database may have commits that it had not at the last word; also once at first.
  std::function<void(const std::string& client)> changed;
  // Of every client, at every hint and every second: whoever reads its log itself does so now. May be empty;
  // then clients that are not live are not watched.
  std::function<void(const std::string& client, const std::string& path)> look;
  // Of a live client, after a look: what is readable when the next one must not wait for a hint; null where
  // nothing is that urgent. May be empty.
  std::function<std::shared_ptr<const UniqueFd>(const std::string& client, const std::string& path)> urgent;
};

struct FollowerOptions {
  std::chrono::milliseconds live_tick{500};
  std::chrono::milliseconds tick{1000};
  bool deaf = false;  // tests: drops every event of inotify
};

class Follower {
 public:
  static Result<std::unique_ptr<Follower>> start(Callbacks callbacks, Log& log, FollowerOptions options = {});
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;
  ~Follower();  // joins; nothing is called back after it

  // Replaces whom it follows; who was followed before at the same path is followed on.
  void follow(std::vector<Followed> clients);

 private:
  struct Slot {
    Followed followed;
    std::string directory, file;
    std::optional<FileState> last;  // at the last word
    bool told = false;              // there was one
    Deadline next{};                // look
    Deadline looked{};
    Deadline patient_until{};           // with a write under way
    std::chrono::milliseconds echo{0};  // to the look after that, when a hint was the cause
    std::shared_ptr<const UniqueFd> urgent;
    bool unwatched = false;  // the host had no watch left for it
    bool rings = false;
    Deadline rings_from{}, paid_until{};
  };

  Follower(Callbacks callbacks, Log& log, FollowerOptions options);
  void run(const std::stop_token& stop);
  void take_list();
  void take_hints();
  void hint(Slot& slot);
  void look(Slot& slot);
  void look_at_once(Slot& slot);
  bool is_news(Slot& slot);
  void watch_directory(Slot& slot);
  void wait(Deadline until);

  const Callbacks callbacks_;
  Log& log_;
  const FollowerOptions options_;
  const UniqueFd wake_;  // eventfd
  std::mutex mutex_;
  std::optional<std::vector<Followed>> wanted_;  // not taken yet; under the mutex
  // The thread's.
  std::map<std::string, Slot> slots_;
  DirectoryWatches watches_;
  Deadline listens_from_{};
  std::jthread thread_;
};

}  // namespace syncnode::follow
