#include "lease/elector.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>
#include <tuple>

namespace syncnode::lease {
namespace {

// The loop turns at least this often, so that who feeds the watchdog sees it alive.
constexpr std::chrono::seconds kTurn{2};
// A standby that looks again sooner than this keeps what it looked with: getting it anew would cost more.
constexpr std::chrono::milliseconds kNap{600};

}  // namespace

Result<std::unique_ptr<Elector>> Elector::start(std::unique_ptr<LeaseStore> store, ElectorIdentity identity,
                                                const ElectionTimes& times, ElectorListener& listener) {
  SN_TRY(times.validate());
  SN_ASSIGN(auto watch, TermWatch::start());
  std::unique_ptr<Elector> elector(
      new Elector(std::move(store), std::move(identity), times, listener, std::move(watch)));
  if (!elector->wake_.valid()) {
    return Error{ErrorCode::kResourceExhausted, "no file descriptor left for the elector", ""};
  }
  try {
    elector->thread_ = std::thread(&Elector::run, elector.get());
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kResourceExhausted, fmt::format("cannot start the elector: {}", error.what()),
                 ""};
  }
  return elector;
}

Elector::Elector(std::unique_ptr<LeaseStore> store, ElectorIdentity identity, const ElectionTimes& times,
                 ElectorListener& listener, std::unique_ptr<TermWatch> watch)
    : store_(std::move(store)),
      identity_(std::move(identity)),
      listener_(listener),
      watch_(std::move(watch)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      election_(times, identity_.cluster_name, identity_.leader_id, identity_.nonce) {}

Elector::~Elector() {
  if (thread_.joinable()) static_cast<void>(stop(BootClock::now()).has_value());
}

LeadershipFacts Elector::facts() const {
  LeadershipFacts facts;
  {
    const std::lock_guard lock(mutex_);
    facts = facts_;
  }
  // Between two turns of the loop the clock goes on.
  if (facts.leading && !may_act()) {
    facts.leading = false;
    facts.term.reset();
  }
  return facts;
}

void Elector::post(const std::function<void(Inbox&)>& news) {
  {
    const std::lock_guard lock(mutex_);
    news(inbox_);
  }
  const uint64_t one = 1;
  static_cast<void>(!::write(wake_.get(), &one, sizeof one));
}

void Elector::step_down(BootClock::duration hold_off) {
  post([&](Inbox& inbox) { inbox.step_down = hold_off; });
}

void Elector::wake() {
  post([](Inbox& inbox) { inbox.hint = true; });
}

void Elector::proven_dead(const std::string& nonce) {
  post([&](Inbox& inbox) { inbox.dead.push_back(nonce); });
}

void Elector::work_ended() {
  post([](Inbox& inbox) { inbox.work_ended = true; });
}

Status Elector::retime(const ElectionTimes& times) {
  SN_TRY(times.validate());
  post([&](Inbox& inbox) { inbox.times = times; });
  return {};
}

Status Elector::stop(Deadline deadline) {
  if (!thread_.joinable()) return Error{ErrorCode::kInternal, "the elector was stopped twice", ""};
  post([&](Inbox& inbox) { inbox.stop_by = deadline; });
  thread_.join();
  if (!election_.left_to_expire()) return {};
  return Error{ErrorCode::kDeadlineExceeded, "the lease was not given back in time",
               "the other node takes it when it has run out"};
}

void Elector::run() {
  while (true) {
    ++turns_;
    read_news();
    const Decision decision = election_.decide(BootClock::now());
    draft_.sentence = decision.sentence;
    settle();
    if (publish()) listener_.facts_changed();
    if (decision.what == Action::kEnd) return store_->rest();
    if (decision.what == Action::kWait) {
      wait(decision.until);
    } else {
      act(decision);
    }
    settle();
  }
}

void Elector::read_news() {
  Inbox news;
  {
    const std::lock_guard lock(mutex_);
    std::swap(news, inbox_);
  }
  const Deadline now = BootClock::now();
  // First, since the work may have ended because the watch rang.
  if (auto loss = watch_->loss(); loss && reported_) election_.lost(std::move(*loss), now);
  if (news.times) static_cast<void>(election_.retime(*news.times).has_value());  // validated when posted
  for (const std::string& nonce : news.dead) election_.proven_dead(nonce);
  // Said before a step-down is heard, it is of the term before.
  if (news.work_ended) election_.work_ended();
  if (news.step_down) election_.step_down(now, *news.step_down, election_.act_until());
  if (news.stop_by) election_.stop(now, *news.stop_by);
  if (news.hint) election_.hint();
}

// Tells the listener what became true, in turns.
void Elector::settle() {
  if (election_.leading() == reported_) return;
  reported_ = election_.leading();
  if (reported_) {
    // Who sees that this node may act can ask under which term.
    publish();
    std::stop_source stop;
    watch_->begin(identity_.cluster_name, election_.act_until(), stop);
    listener_.elected(election_.term(), stop.get_token());
  } else {
    const Error why = election_.loss().value_or(Error{});
    watch_->lose(why);
    publish();
    listener_.deposed(why);
  }
  listener_.facts_changed();
}

bool Elector::publish() {
  draft_.leading = election_.leading();
  draft_.role = election_.role();
  draft_.act_until = election_.act_until();
  draft_.hears_notices = store_->hears_notices();
  draft_.term.reset();
  const auto before = std::tie(facts_.leading, facts_.role, facts_.leader_id, facts_.epoch);
  if (draft_.leading) {
    draft_.term = election_.term();
    draft_.leader_id = identity_.leader_id;
    draft_.leader_nonce = identity_.nonce;
    draft_.epoch = election_.term().epoch;
    draft_.lease_ends = election_.lease_ends();
  } else if (const auto& row = election_.row()) {
    const bool held = row->remaining.count() > 0;
    draft_.leader_id = held ? row->leader_id : "";
    draft_.leader_nonce = held ? row->nonce : "";
    draft_.epoch = row->epoch;
    draft_.lease_ends.reset();
    if (held) draft_.lease_ends = election_.row_ends();
  } else {
    draft_.leader_id.clear();
    draft_.leader_nonce.clear();
    draft_.lease_ends.reset();
  }
  const auto after = std::tie(draft_.leading, draft_.role, draft_.leader_id, draft_.epoch);
  const bool changed = before != after;
  {
    const std::lock_guard lock(mutex_);
    facts_ = draft_;
  }
  return changed;
}

void Elector::wait(Deadline until) {
  if (election_.role() == Role::kStandby && until > deadline_in(kNap)) store_->rest();
  if (reported_) listener_.renews_at(until);
  auto notices = store_->wait(std::min(until, deadline_in(kTurn)), wake_.get());
  uint64_t rings = 0;
  static_cast<void>(!::read(wake_.get(), &rings, sizeof rings));
  if (!notices) {
    // Reconnecting is normal and no event; but whatever ended the connection may have ended the leader too.
    election_.hint();
    return;
  }
  for (const std::string& notice : *notices) {
    const std::string_view text = notice;
    if (!text.starts_with("lease ")) {
      listener_.notice(notice);
    } else if (text.ends_with(identity_.nonce)) {  // our own resignation is no news
      continue;
    } else if (text.starts_with(kReleasedNotice)) {
      election_.told_released(notice.substr(std::size(kReleasedNotice) - 1), BootClock::now(), chance());
    } else {
      election_.hint();
    }
  }
}

void Elector::act(const Decision& decision) {
  const Deadline sent = BootClock::now();
  const Deadline deadline = sent + election_.times().keeper.attempt;
  ++draft_.calls;
  switch (decision.what) {
    case Action::kObserve: {
      auto row = store_->observe(deadline);
      if (!row) return failed(row.error(), sent);
      contact();
      return election_.observed(*row, sent, BootClock::now(), chance());
    }
    case Action::kAcquire:
    case Action::kTakeOver:
      return take(decision, sent, deadline);
    case Action::kRenew:
      return renew(decision, sent, deadline);
    case Action::kRelease:
      return give_back(decision, sent, deadline);
    case Action::kBeat: {
      Status beaten = store_->beat(deadline);
      if (!beaten) return failed(beaten.error(), sent);
      contact();
      return election_.beaten(sent, BootClock::now());
    }
    case Action::kWait:
    case Action::kEnd:
      break;
  }
}

void Elector::take(const Decision& decision, Deadline sent, Deadline deadline) {
  ++draft_.attempts;
  listener_.taking();
  const auto lease = election_.times().keeper.lease;
  auto grant = decision.what == Action::kTakeOver ? store_->take_over(decision.dead, lease, deadline)
               : decision.given_back              ? store_->acquire_released(lease, deadline)
                                                  : store_->acquire(lease, deadline);
  if (!grant || !*grant) ++draft_.failures;
  if (!grant) return failed(grant.error(), sent);
  contact();
  if (!*grant) return election_.refused(BootClock::now(), chance());
  ++draft_.successes;
  read_news();  // asked to go meanwhile: then the grant is given back unused
  election_.granted(**grant, sent, BootClock::now());
}

void Elector::renew(const Decision& decision, Deadline sent, Deadline deadline) {
  auto grant = store_->renew(decision.term, election_.times().keeper.lease, deadline);
  if (!grant && grant.error().code != ErrorCode::kFenced) return failed(grant.error(), sent);
  contact();
  if (!grant) return election_.refused(BootClock::now(), chance(), std::move(grant).error());
  const bool leading = election_.leading();
  if (!leading) read_news();
  // A watch that rang first has the last word.
  if (leading && !watch_->extend(election_.times().keeper.act_until(*grant))) {
    return election_.lost(
        watch_->loss().value_or(Error{ErrorCode::kDeadlineExceeded, "the lease was not renewed in time", ""}),
        BootClock::now());
  }
  const Deadline known = BootClock::now();
  election_.granted(*grant, sent, known);
  listener_.renewed(known - sent);
}

void Elector::give_back(const Decision& decision, Deadline sent, Deadline deadline) {
  Status done = store_->release(decision.term, deadline);
  if (!done) return failed(done.error(), sent);
  contact();
  election_.released(BootClock::now());
}

void Elector::failed(const Error& error, Deadline sent) {
  // Whom a pooler keeps waiting has not heard that the database is gone; but who waits for a whole lease
  // knows nothing of it any more.
  draft_.kept_waiting = draft_.database_reachable && store_->kept_waiting() &&
                        BootClock::now() - *draft_.last_contact < election_.times().keeper.lease;
  draft_.database_reachable = draft_.kept_waiting;
  draft_.last_error = error.to_string();
  election_.failed(error, sent, BootClock::now(), chance());
}

void Elector::contact() {
  draft_.database_reachable = true;
  draft_.kept_waiting = false;
  draft_.last_contact = BootClock::now();
  draft_.last_error.clear();
}

double Elector::chance() {
  return std::uniform_real_distribution<double>(0, 1)(random_);
}

}  // namespace syncnode::lease
