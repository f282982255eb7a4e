#include "postgres/hearing.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sql/queries.h"

namespace syncnode::postgres {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kSendTime{1000};    // a pool that is full for so long has nothing to spare for a probe
constexpr milliseconds kArrivalTime{500};  // from then on
constexpr milliseconds kStatement{1000};   // LISTEN and UNLISTEN
constexpr milliseconds kShortestWait{250};  // in less there is no time for a round trip
constexpr int kFailures = 3;                // where so many probes were not heard, none ever will be
// A pooled connection is new when a term begins or after a break: whoever works goes first.
constexpr seconds kWorkFirst{2};
constexpr seconds kPoolWasFull{60};

}  // namespace

Hearing::Hearing(ConnectOptions options, std::string payload)
    : options_(std::move(options)), payload_(std::move(payload)) {}

void Hearing::connected(const Connection& connection) {
  state_ = connection.is_direct() || failures_ < kFailures ? State::kUntried : State::kDeaf;
  begin_at_ = connection.is_direct() ? Deadline() : deadline_in(kWorkFirst);
}

void Hearing::about_to_ask() {
  if (state_ != State::kProbing) return;
  state_ = State::kUntried;
  begin_at_ = deadline_in(kWorkFirst);
}

bool Hearing::takes(std::string_view payload) {
  if (!payload.starts_with(payload_)) return false;
  if (state_ == State::kProbing && payload == expected_) state_ = State::kHears;
  return true;
}

Deadline Hearing::advance(Connection& connection, Deadline deadline) {
  const Deadline now = BootClock::now();
  if (deadline - now < kShortestWait) return deadline;
  if (state_ == State::kProbing && now >= probe_until_) conclude(connection, deadline);
  if (state_ == State::kUntried && now >= begin_at_) begin(connection, deadline);
  if (state_ == State::kProbing) return std::min(deadline, probe_until_);
  return state_ == State::kUntried && now < begin_at_ ? std::min(deadline, begin_at_) : deadline;
}

void Hearing::begin(Connection& connection, Deadline deadline) {
  // One that was given up may still be in the pooler's queue: it is not waited for.
  if (probe_ && probe_->state() == NoticeProbe::State::kUnderWay) {
    begin_at_ = deadline_in(kSendTime);
    return;
  }
  probe_.reset();
  if (!connection.simple(sql::notice_listen, std::min(deadline, deadline_in(kStatement))))
    return failed(connection);
  if (connection.is_direct()) {
    state_ = State::kHears;
    return;
  }
  expected_ = fmt::format("{} {}", payload_, ++probes_);
  const Deadline send_until = deadline_in(kSendTime);
  probe_until_ = send_until + kArrivalTime;
  probe_ = std::make_unique<NoticeProbe>(options_, expected_, send_until);
  state_ = State::kProbing;
}

// Nothing came in time.
void Hearing::conclude(Connection& connection, Deadline deadline) {
  const bool sent = probe_->state() == NoticeProbe::State::kSent;
  // Else a server process of the pool would go on collecting what nobody reads.
  const auto silent = connection.simple(sql::notice_unlisten, std::min(deadline, deadline_in(kStatement)));
  if (sent || !silent) return failed(connection);
  // The pool had nothing to spare, which says nothing about notices.
  state_ = State::kUntried;
  begin_at_ = deadline_in(kPoolWasFull);
}

void Hearing::failed(const Connection& connection) {
  state_ = connection.is_direct() || ++failures_ < kFailures ? State::kUntried : State::kDeaf;
  begin_at_ = deadline_in(kWorkFirst);
}

}  // namespace syncnode::postgres
