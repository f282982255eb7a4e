#include "control/desk.h"

#include <utility>

namespace syncnode::control {
namespace {

constexpr size_t kMostWaiting = 200;
constexpr std::chrono::seconds kQuestionTime{10};
constexpr std::chrono::seconds kIdleBeforeClose{15};
constexpr std::chrono::seconds kTurn{2};

Error ending() {
  return {ErrorCode::kUnavailable, "this node is stopping", "ask the other node"};
}

}  // namespace

Desk::Desk(postgres::ConnectOptions connect)
    : connect_(std::move(connect)), thread_([this](const std::stop_token& stop) { work(stop); }) {}

Desk::~Desk() {
  thread_.request_stop();
  thread_.join();
  for (Waiting& waiting : queue_) waiting.question(ending(), waiting.deadline);
}

Status Desk::post(Question question) {
  const std::lock_guard lock(mutex_);
  if (thread_.get_stop_token().stop_requested()) return ending();
  if (queue_.size() >= kMostWaiting) {
    return Error{ErrorCode::kResourceExhausted, "too many requests wait for the database", "try again later"};
  }
  queue_.push_back({std::move(question), deadline_in(kQuestionTime)});
  changed_.notify_one();
  return {};
}

void Desk::work(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    ++turns_;
    if (auto waiting = next(stop)) answer(*waiting, stop);
    if (connection_ && !connection_->is_direct() && nobody_waits()) connection_.reset();
  }
}

bool Desk::nobody_waits() {
  const std::lock_guard lock(mutex_);
  return queue_.empty();
}

std::optional<Desk::Waiting> Desk::next(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  const Deadline close_at = deadline_in(kIdleBeforeClose);
  while (!changed_.wait_for(lock, stop, kTurn, [this] { return !queue_.empty(); })) {
    ++turns_;
    if (stop.stop_requested()) return std::nullopt;
    if (connection_ && BootClock::now() >= close_at) connection_.reset();
  }
  Waiting waiting = std::move(queue_.front());
  queue_.pop_front();
  return waiting;
}

void Desk::answer(const Waiting& waiting, const std::stop_token& stop) {
  if (BootClock::now() >= waiting.deadline) {
    waiting.question(
        Error{ErrorCode::kDeadlineExceeded, "the database was busy with earlier requests", "try again later"},
        waiting.deadline);
    return;
  }
  // A connection that died while idle says nothing about the server; opening one costs less than guessing.
  if (connection_ && !connection_->alive()) connection_.reset();
  if (!connection_) {
    auto opened = postgres::Connection::open(connect_, waiting.deadline, stop);
    if (!opened) return waiting.question(std::move(opened).error(), waiting.deadline);
    connection_.emplace(std::move(*opened));
  }
  // What is asked for may be made of steps with deadlines of their own; the next in the queue waits no
  // longer.
  connection_->limit(waiting.deadline);
  waiting.question(&*connection_, waiting.deadline);
  if (!connection_->usable()) connection_.reset();
}

}  // namespace syncnode::control
