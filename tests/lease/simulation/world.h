// World: a few simulated nodes, each an Election on a clock of its own, a server and everything that can go
// wrong between them, from one seed. One run is chaos, then peace in which a leader must be found, then calm
// in which nothing may change. The same seed gives the same run. One thread.
#pragma once

#include <functional>
#include <memory>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "lease/election.h"
#include "lease/simulation/oracle.h"
#include "lease/simulation/server.h"

namespace syncnode::test {

class World {
 public:
  World(uint64_t seed, Mutant mutant);
  void run();

  const Oracle& oracle() const { return oracle_; }
  uint64_t steps() const { return steps_; }

 private:
  struct Event {
    Nanoseconds at;
    uint64_t order;
    std::function<void()> happen;
    bool operator<(const Event& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  struct Node {
    int id = 0, host = 0;
    double rate = 1;
    Nanoseconds offset = 0;
    std::unique_ptr<lease::Election> election;
    Caller caller;
    bool up = false, calling = false, reported = false, last_failed = false;
    uint64_t life = 0;   // of the process
    uint64_t call = 0;   // that is being waited for
    uint64_t alarm = 0;  // the wait that counts
    Nanoseconds paused_until = 0;
    std::string previous_nonce;
  };
  using Outcome = std::function<void(Answer)>;

  void at(Nanoseconds when, std::function<void()> happen);
  void in(Nanoseconds wait, std::function<void()> happen) { at(now_ + wait, std::move(happen)); }
  void on_node(Node& node, Nanoseconds wait, std::function<void()> happen);
  void run_until(Nanoseconds end);
  double chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }
  bool happens(double probability) { return chance() < probability; }
  Nanoseconds between(Nanoseconds from, Nanoseconds to);
  Nanoseconds delay();

  Deadline local(const Node& node) const { return local(node, now_); }
  static Deadline local(const Node& node, Nanoseconds when);
  static Nanoseconds common(const Node& node, Deadline when);

  void start_node(Node& node);
  void kill_node(Node& node);
  void turn(Node& node);
  void settle(Node& node);
  void claim(Node& node, Nanoseconds since, Nanoseconds server_expiry);
  void ask(Node& node, const lease::Decision& decision);
  void serve(Node& node, const lease::Decision& decision, Deadline sent, Nanoseconds give_up, uint64_t call);
  void answer(Node& node, uint64_t call, std::function<void()> take_in);
  void fail(Node& node, uint64_t call, Deadline sent, ErrorCode code, const lease::Decision& decision);
  void grant(Node& node, Deadline sent, const Granted& granted);
  void write(Node& node);
  void misfortune();
  void operate();
  void make_row();

  std::mt19937_64 random_;
  const Mutant mutant_;
  Oracle oracle_;
  SimulatedServer server_;
  lease::ElectionTimes times_;
  Nanoseconds now_ = 0;
  uint64_t steps_ = 0, order_ = 0, names_ = 0;
  bool chaos_ = true;
  bool only_steps_ = false;  // the clock of the server jumps and nothing else happens
  double loss_ = 0;
  std::priority_queue<Event> events_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace syncnode::test
