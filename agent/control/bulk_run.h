// BulkRun: many conflicts decided alike, one after the other, a few in each turn, so that others who want the
// database are not kept waiting. Counts what came of each; ends when all were tried, when its time is over,
// or at an error that the next one would meet too: what was not decided is left, and may be asked for again.
// Refuses to try a conflict twice. One thread at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/views.h"

namespace syncnode::control {

// A conflict that waits, as it was when it was looked for.
struct WaitingConflict {
  std::string conflict_id;
  int64_t version = 0;
};

class BulkRun {
 public:
  // True: it is decided now. False: it was decided so before.
  using ResolveOne = std::function<Result<bool>(const WaitingConflict&)>;
  using Now = std::function<Deadline()>;

  // `end`: when it begins with no other conflict.
  explicit BulkRun(Deadline end, Now now = BootClock::now);

  // What to decide about, once; `matching` counts all there are, of which `waiting` may be the first.
  void begin(std::vector<WaitingConflict> waiting, int64_t matching);
  bool begun() const { return begun_; }
  // Decides about the next ones for a moment, about one at least.
  void turn(const ResolveOne& resolve);
  // Ends it here.
  void stop(const Error& why);
  bool over() const { return over_; }

  // Of one that is over. When nothing at all could be done: the error that kept it from it.
  Result<BulkView> outcome() const;

 private:
  void count(const WaitingConflict& one, const Result<bool>& decided);

  const Deadline end_;
  const Now now_;
  std::vector<WaitingConflict> waiting_;
  size_t next_ = 0;
  int troubles_ = 0;  // in a row
  bool begun_ = false, over_ = false;
  BulkView view_;
  std::optional<Error> why_left_;
};

}  // namespace syncnode::control
