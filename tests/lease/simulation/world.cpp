#include "lease/simulation/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace syncnode::test {
namespace {

using namespace std::chrono_literals;
using lease::Action;

constexpr Nanoseconds kMillisecond = 1'000'000;
constexpr Nanoseconds kSecond = 1000 * kMillisecond;
constexpr Nanoseconds kLockTimeout = kSecond;
constexpr Nanoseconds kStatementTimeout = 2 * kSecond;

// The reference's, the fast one, and one without room for a mistake.
constexpr std::array<lease::KeeperTimes, 3> kProfiles{{
    {.attempt = 3000ms, .renew_every = 10000ms, .step_down = 45000ms, .lease = 60s},
    {.attempt = 2000ms, .renew_every = 3000ms, .step_down = 11250ms, .lease = 15s},
    {.attempt = 1500ms, .renew_every = 2000ms, .step_down = 5900ms, .lease = 6s},
}};

Nanoseconds of(std::chrono::nanoseconds time) {
  return time.count();
}

}  // namespace

World::World(uint64_t seed, Mutant mutant) : random_(seed), mutant_(mutant), server_(mutant, oracle_) {
  times_ = {kProfiles[seed % kProfiles.size()], 30s};
  only_steps_ = happens(0.1);
  loss_ = only_steps_ ? 0 : std::array{0.0, 0.01, 0.1, 0.4}[static_cast<size_t>(between(0, 3))];
  const int count = static_cast<int>(between(2, 5));
  for (int i = 0; i < count; ++i) {
    auto node = std::make_unique<Node>();
    node->id = i;
    node->host = i / 2;
    node->rate = 1 + (chance() - 0.5) * 0.001;
    node->offset = between(kSecond, 1'000'000 * kSecond);
    nodes_.push_back(std::move(node));
  }
}

void World::run() {
  for (auto& node : nodes_) in(between(0, kSecond), [this, &node] { start_node(*node); });
  const Nanoseconds lease = of(times_.keeper.lease);
  misfortune();
  run_until(20 * lease);
  chaos_ = false;
  loss_ = 0;
  server_.come_up();
  make_row();
  for (auto& node : nodes_) {
    node->paused_until = std::min(node->paused_until, now_);
    if (!node->up) start_node(*node);
  }
  // The last lease, a while to believe that it ended, and the longest pause after a configuration error.
  run_until(now_ + lease + 2 * of(times_.keeper.renew_every) + 80 * kSecond);
  const auto leaders = [this] {
    return std::count_if(nodes_.begin(), nodes_.end(), [](const auto& node) { return node->reported; });
  };
  oracle_.must(leaders() == 1, now_, "I4", fmt::format("{} leaders long after the last fault", leaders()));
  const int64_t epoch = oracle_.last_epoch();
  run_until(now_ + 5 * lease);
  oracle_.must(oracle_.last_epoch() == epoch, now_, "I5", "the leader changed and nothing had happened");
  oracle_.must(leaders() == 1, now_, "I5", "the leader was lost and nothing had happened");
}

void World::run_until(Nanoseconds end) {
  while (!events_.empty() && events_.top().at <= end && !oracle_.broken()) {
    const Event event = events_.top();
    events_.pop();
    now_ = event.at;
    ++steps_;
    event.happen();
  }
  now_ = std::max(now_, end);
}

void World::at(Nanoseconds when, std::function<void()> happen) {
  events_.push({std::max(when, now_), ++order_, std::move(happen)});
}

// What a process does happens while it lives, and not while it is stopped.
void World::on_node(Node& node, Nanoseconds wait, std::function<void()> happen) {
  in(wait, [this, &node, life = node.life, happen = std::move(happen)] {
    if (!node.up || node.life != life) return;
    if (node.paused_until > now_) return on_node(node, node.paused_until - now_, happen);
    happen();
  });
}

Nanoseconds World::between(Nanoseconds from, Nanoseconds to) {
  return std::uniform_int_distribution<Nanoseconds>(from, to)(random_);
}

Nanoseconds World::delay() {
  if (only_steps_ || !chaos_ || !happens(loss_)) return between(kMillisecond / 10, 40 * kMillisecond);
  return between(kMillisecond, 3 * kSecond);
}

Deadline World::local(const Node& node, Nanoseconds when) {
  return Deadline(
      BootClock::duration(node.offset + static_cast<Nanoseconds>(static_cast<double>(when) * node.rate)));
}

Nanoseconds World::common(const Node& node, Deadline when) {
  return static_cast<Nanoseconds>(static_cast<double>(when.time_since_epoch().count() - node.offset) /
                                  node.rate);
}

void World::start_node(Node& node) {
  if (node.up) return;
  node.up = true;
  ++node.life;
  node.calling = node.reported = node.last_failed = false;
  node.caller.leader_id = fmt::format("node-{}", node.id);
  node.caller.host_id = fmt::format("host-{}/{}", node.host, node.id);
  node.caller.nonce = fmt::format("nonce-{}", ++names_);
  if (happens(0.5)) node.caller.seen = 0;
  node.election =
      std::make_unique<lease::Election>(times_, "cluster", node.caller.leader_id, node.caller.nonce);
  // Its lock file tells who was here before.
  if (happens(0.5)) node.election->proven_dead(node.previous_nonce);
  turn(node);
}

void World::kill_node(Node& node) {
  if (!node.up) return;
  node.up = false;
  node.paused_until = 0;
  oracle_.process_gone(node.id);
  node.previous_nonce = node.caller.nonce;
  for (auto& other : nodes_) {
    if (other->host != node.host || !other->up || !happens(0.9)) continue;
    on_node(*other, between(kMillisecond / 2, 5 * kMillisecond),
            [this, &peer = *other, nonce = node.caller.nonce] {
              peer.election->proven_dead(nonce);
              turn(peer);
            });
  }
}

void World::turn(Node& node) {
  if (node.calling) return;
  const lease::Decision decision = node.election->decide(local(node));
  settle(node);
  if (decision.what == Action::kEnd) return kill_node(node);
  if (decision.what != Action::kWait) return ask(node, decision);
  on_node(node, std::max<Nanoseconds>(common(node, decision.until) - now_, 0) + 1000,
          [this, &node, alarm = ++node.alarm] {
            if (node.alarm == alarm) turn(node);
          });
}

void World::settle(Node& node) {
  if (node.election->leading() == node.reported) return;
  node.reported = node.election->leading();
  if (node.reported) {
    oracle_.elected(now_, node.id, node.election->term().epoch, false);
    return write(node);
  }
  oracle_.deposed(now_, node.id);
  oracle_.claims_no_more(now_, node.id);
  const Nanoseconds winding_down = happens(0.1) ? between(0, 10 * kSecond) : between(0, kSecond / 2);
  on_node(node, winding_down, [this, &node] {
    node.election->work_ended();
    turn(node);
  });
}

void World::claim(Node& node, Nanoseconds since, Nanoseconds server_expiry) {
  if (node.election->leading()) {
    oracle_.claims(now_, node.id, common(node, node.election->act_until()), since, server_expiry);
  }
}

void World::ask(Node& node, const lease::Decision& decision) {
  oracle_.called(now_, node.id, node.last_failed);
  node.calling = true;
  const uint64_t call = ++node.call;
  const Deadline sent = local(node);
  const Nanoseconds attempt = of(times_.keeper.attempt);
  on_node(node, attempt, [=, this, &node] {
    fail(node, call, sent, happens(0.5) ? ErrorCode::kDeadlineExceeded : ErrorCode::kOutcomeUnknown,
         decision);
  });
  if (chaos_ && happens(loss_)) return;
  const Nanoseconds give_up = now_ + attempt + kStatementTimeout;
  // What a process sent before it died arrives all the same.
  in(delay(), [=, this, &node] { serve(node, decision, sent, give_up, call); });
}

void World::serve(Node& node, const lease::Decision& decision, Deadline sent, Nanoseconds give_up,
                  uint64_t call) {
  const auto error = [=, this, &node](ErrorCode code) {
    answer(node, call, [=, this, &node] { fail(node, call, sent, code, decision); });
  };
  if (now_ > give_up) return;
  const Caller caller = node.caller;
  Granted granted;
  LeaseObservation row;
  bool matched = false;
  Answer said = Answer::kYes;
  switch (decision.what) {
    case Action::kAcquire:
    case Action::kTakeOver:
      said = server_.take(now_, caller, decision, of(times_.keeper.lease), happens(0.5), granted);
      break;
    case Action::kRenew:
      said = server_.renew(now_, decision.term, of(times_.keeper.lease), granted);
      break;
    case Action::kRelease:
      said = server_.release(now_, decision.term, matched);
      break;
    case Action::kObserve:
      said = server_.observe(now_, row);
      break;
    default:
      break;
  }
  if (said == Answer::kBlocked) {
    if (now_ + 5 * kMillisecond > give_up - kStatementTimeout + kLockTimeout)
      return error(ErrorCode::kUnavailable);
    return in(5 * kMillisecond, [=, this, &node] { serve(node, decision, sent, give_up, call); });
  }
  if (said == Answer::kDown) {
    return error(server_.row_exists() ? ErrorCode::kUnavailable : ErrorCode::kFailedPrecondition);
  }
  // Now and then somebody says it of a term that goes on.
  const bool forged = chaos_ && decision.what == Action::kObserve && happens(0.02);
  if (matched || forged) {
    const std::string nonce = forged ? row.nonce : decision.term.nonce;
    for (auto& other : nodes_) {
      if ((other.get() == &node && !forged) || !other->up || !happens(0.7)) continue;
      on_node(*other, delay(), [this, &peer = *other, nonce] {
        if (happens(0.2)) {
          peer.election->hint();
        } else {
          peer.election->told_released(nonce, local(peer), chance());
        }
        turn(peer);
      });
    }
  }
  answer(node, call, [=, this, &node] {
    const Deadline now = local(node);
    switch (decision.what) {
      case Action::kObserve:
        node.caller.seen = std::max(node.caller.seen, row.epoch);
        return node.election->observed(row, sent, now, chance());
      case Action::kBeat:
        return node.election->beaten(sent, now);
      case Action::kRelease:
        return node.election->released(now);
      default:
        break;
    }
    if (said == Answer::kNo) {
      return node.election->refused(now, chance(), Error{ErrorCode::kFenced, "the term is over", ""});
    }
    grant(node, sent, granted);
  });
}

void World::answer(Node& node, uint64_t call, std::function<void()> take_in) {
  if (!node.up || (chaos_ && happens(loss_))) return;
  on_node(node, delay(), [this, &node, call, take_in = std::move(take_in)] {
    if (!node.calling || node.call != call) return;
    take_in();
    if (!node.calling) return;  // it was a failure, and dealt with
    node.calling = node.last_failed = false;
    settle(node);
    turn(node);
  });
}

void World::fail(Node& node, uint64_t call, Deadline sent, ErrorCode code, const lease::Decision& decision) {
  if (!node.calling || node.call != call) return;
  node.calling = false;
  node.last_failed = true;
  if (mutant_ == Mutant::kBeliefSurvivesErrors && decision.what == Action::kRenew && node.reported) {
    node.election->granted({decision.term, local(node) + times_.keeper.lease}, local(node), local(node));
    claim(node, now_, INT64_MAX);
  } else {
    node.election->failed({code, "simulated", ""}, sent, local(node), chance());
  }
  settle(node);
  turn(node);
}

void World::grant(Node& node, Deadline sent, const Granted& granted) {
  const Deadline now = local(node);
  node.caller.seen = std::max(node.caller.seen, granted.epoch);
  const Deadline from = mutant_ == Mutant::kReceiveForSend ? now : sent;
  const Grant told{{"cluster", node.caller.leader_id, node.caller.nonce, granted.epoch},
                   from + BootClock::duration(granted.remaining)};
  // The term watch comes first: an extension after its ring is none.
  if (node.reported && now >= node.election->act_until()) {
    return node.election->lost({ErrorCode::kDeadlineExceeded, "the watch rang", ""}, now);
  }
  node.election->granted(told, sent, now);
  settle(node);
  claim(node, granted.at, granted.expires_at);
}

// One transaction after the other while this node may act; the last may well outlive the term.
void World::write(Node& node) {
  if (!node.reported || local(node) >= node.election->act_until()) return;
  const uint64_t writer = ++names_;
  const Term term = node.election->term();
  const Nanoseconds think = happens(0.1) ? between(0, 3 * kSecond) : between(0, 20 * kMillisecond);
  const Nanoseconds hesitate = happens(0.1) ? between(0, 2 * kSecond) : between(0, 5 * kMillisecond);
  in(delay(), [=, this, &node] {
    if (!server_.begin_write(now_, writer, term)) return;
    on_node(node, think, [=, this, &node] {
      in(delay(), [=, this, &node] {
        if (!server_.fence(now_, writer)) return;
        on_node(node, hesitate, [=, this] { in(delay(), [=, this] { server_.commit(now_, writer); }); });
      });
    });
  });
  on_node(node, between(kSecond / 5, 2 * kSecond), [=, this, &node] {
    if (node.reported && node.election->term().epoch == term.epoch) write(node);
  });
}

void World::misfortune() {
  if (!chaos_) return;
  in(between(kSecond / 2, of(times_.keeper.lease)), [this] {
    if (chaos_)
      only_steps_ ? operate() : (happens(0.25) ? operate() : [this] {
        Node& node = *nodes_[static_cast<size_t>(between(0, static_cast<Nanoseconds>(nodes_.size()) - 1))];
        const Nanoseconds lease = of(times_.keeper.lease);
        switch (between(0, 3)) {
          case 0:
            kill_node(node);
            return in(between(100 * kMillisecond, lease), [this, &node] { start_node(node); });
          case 1:
            node.paused_until = now_ + between(kSecond / 10, 2 * lease);
            return;
          case 2:
            if (!node.up) return;
            node.election->step_down(local(node), BootClock::duration(between(0, lease)),
                                     node.election->act_until());
            return turn(node);
          default:
            if (!node.up) return;
            node.election->stop(local(node), local(node) + times_.keeper.attempt * 2);
            turn(node);
            return in(between(kSecond, lease), [this, &node] {
              kill_node(node);
              start_node(node);
            });
        }
      }());
    misfortune();
  });
}

// Registered again after a deletion: with epoch 0.
void World::make_row() {
  if (server_.row_exists()) return;
  server_.make_row();
  oracle_.excuse_present_claims(now_);
  oracle_.forget_epochs();
}

void World::operate() {
  const Nanoseconds lease = of(times_.keeper.lease);
  const Nanoseconds what = only_steps_ ? 3 : between(0, 3);
  switch (what) {
    case 0:
      server_.go_down();
      return in(between(kSecond / 5, lease), [this] { server_.come_up(); });
    case 1:
      server_.expire_row(now_, happens(0.5));
      return oracle_.excuse_present_claims(now_);
    case 2:
      if (!server_.row_exists() || !server_.delete_row()) return;
      return in(between(0, lease), [this] { make_row(); });
    default:
      // An acquisition on its way would be granted what the step let run out: only the fence protects there.
      if (only_steps_ && now_ - oracle_.last_grant_at() < 5 * kSecond) return;
      server_.step_clock(between(-2 * lease, 10 * lease));
      if (!only_steps_) oracle_.excuse_present_claims(now_);
  }
}

}  // namespace syncnode::test
