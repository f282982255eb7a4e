#include "control/bulk_run.h"

#include <algorithm>
#include <utility>

namespace syncnode::control {
namespace {

constexpr std::chrono::milliseconds kTurn{250};
constexpr size_t kNamed = 20;  // refusals that are told one by one
constexpr int kMostTroubles = 3;

enum class Meaning { kThisOne, kPerhapsNext, kEveryOne };

// Whom does the error concern: this conflict alone, perhaps the next one too, or all that follow?
Meaning meaning_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotFound:
    case ErrorCode::kAborted:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kCorruption:
      return Meaning::kThisOne;
    case ErrorCode::kUnavailable:
    case ErrorCode::kDeadlineExceeded:
      return Meaning::kPerhapsNext;  // somebody holds its row, or a sync is writing, or the server is gone
    default:
      return Meaning::kEveryOne;
  }
}

}  // namespace

BulkRun::BulkRun(Deadline end, Now now) : end_(end), now_(std::move(now)) {}

void BulkRun::begin(std::vector<WaitingConflict> waiting, int64_t matching) {
  waiting_ = std::move(waiting);
  view_.left = std::max(matching, static_cast<int64_t>(waiting_.size()));
  begun_ = true;
  over_ = waiting_.empty();
}

void BulkRun::turn(const ResolveOne& resolve) {
  const Deadline pause = now_() + kTurn;
  while (!over_) {
    if (now_() >= end_) {
      return stop(
          {ErrorCode::kDeadlineExceeded, "the time of one request was over", "ask again for the rest"});
    }
    const WaitingConflict& one = waiting_[next_++];
    count(one, resolve(one));
    if (next_ == waiting_.size()) over_ = true;
    if (now_() >= pause) return;
  }
}

void BulkRun::count(const WaitingConflict& one, const Result<bool>& decided) {
  const Meaning meaning = decided ? Meaning::kThisOne : meaning_of(decided.error().code);
  if (meaning != Meaning::kThisOne) {
    if (!why_left_ || troubles_ == 0) why_left_ = decided.error();
    if (++troubles_ == kMostTroubles || meaning == Meaning::kEveryOne) over_ = true;
    return;
  }
  troubles_ = 0;
  --view_.left;
  if (decided) {
    ++view_.resolved;
    return;
  }
  ++view_.refused;
  if (view_.refusals.size() < kNamed) view_.refusals.push_back({one.conflict_id, decided.error().message});
}

void BulkRun::stop(const Error& why) {
  over_ = true;
  why_left_ = why;
}

Result<BulkView> BulkRun::outcome() const {
  if (why_left_ && view_.resolved + view_.refused == 0) return *why_left_;
  BulkView view = view_;
  if (why_left_) {
    view.left_because = why_left_->to_string();
  } else if (view.left > 0) {
    view.left_because = "more wait than one request looks at; hint: ask again for the rest";
  }
  return view;
}

}  // namespace syncnode::control
