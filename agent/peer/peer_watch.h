// PeerWatch: knows whether the other node of this host lives, and proves it when it died. F_GETLK names the
// holder of its lock file, a pidfd is opened for it, and the lock is asked again, so the pidfd is that
// process whatever pids were reused; a readable pidfd means the process, all threads, is gone. Refuses to
// take silence for death: a stopped or hanging peer is alive, and a holder of another user is nobody. Owns
// one thread, which calls back; asleep until something happens (pidfd, inotify), with a slow look besides.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "peer/facts.h"

namespace syncnode::peer {

struct PeerCallbacks {
  std::function<void(const NodeFacts&)> alive;  // once per process, and again when its facts changed
  // Once per process that was called alive, and for one that had died before this watch looked.
  std::function<void(const NodeFacts&)> died;
};

class PeerWatch {
 public:
  // `name` is the other node's, "node-b", never this process' own. The directory may not exist yet.
  static Result<std::unique_ptr<PeerWatch>> start(std::string directory, std::string name,
                                                  PeerCallbacks callbacks);
  PeerWatch(const PeerWatch&) = delete;
  PeerWatch& operator=(const PeerWatch&) = delete;
  ~PeerWatch();  // joins; no callback runs after it

  void look();  // now, e.g. since a bus name vanished; any thread

 private:
  struct Watched {
    NodeFacts facts;
    UniqueFd process;  // pidfd
  };

  PeerWatch(std::string directory, std::string name, PeerCallbacks callbacks);
  void run();
  void watch_directory();
  bool find_holder();  // false: it changed meanwhile
  void find_remains(int file);
  void report_deaths();
  void wake(uint64_t what);

  const std::string directory_, name_;
  const PeerCallbacks callbacks_;
  const UniqueFd wake_;  // eventfd
  UniqueFd inotify_;
  std::vector<Watched> watched_;
  std::string last_gone_;  // nonce
  std::thread thread_;
};

}  // namespace syncnode::peer
