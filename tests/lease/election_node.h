// ElectionNode: an elector with a listener that remembers, for tests. Its work ends at once when it is
// deposed unless told otherwise. ElectionCluster: a registered cluster on the shared private server with
// stores for its nodes.
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lease/elector.h"
#include "postgres/fence.h"
#include "postgres/postgres_lease_store.h"
#include "support/private_postgres.h"

namespace syncnode::test {

// Quick, with room for a busy machine.
inline constexpr lease::ElectionTimes kQuickElection{{.attempt = std::chrono::milliseconds(600),
                                                      .renew_every = std::chrono::milliseconds(700),
                                                      .step_down = std::chrono::milliseconds(2200),
                                                      .lease = std::chrono::seconds(3)},
                                                     std::chrono::seconds(30)};

class ElectionNode final : public lease::ElectorListener {
 public:
  ElectionNode(std::unique_ptr<LeaseStore> store, const lease::ElectorIdentity& identity,
               const lease::ElectionTimes& times = kQuickElection, bool work_ends = true)
      : work_ends_(work_ends) {
    auto started = lease::Elector::start(std::move(store), identity, times, *this);
    if (!started) throw std::runtime_error(started.error().to_string());
    const std::lock_guard lock(mutex_);
    elector_ = std::move(*started);
    changed_.notify_all();
  }
  ~ElectionNode() override { kill(); }
  // As a process that ends without a word.
  void kill() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    elector_.reset();
  }

  lease::Elector& elector() { return *elector_; }
  lease::LeadershipFacts facts() const { return elector_->facts(); }

  void elected(const Term& term, std::stop_token over) override {
    note([&] {
      EXPECT_EQ(elected_.size(), deposed_.size()) << "I9: elected twice";
      elected_.push_back(BootClock::now());
      term_ = term;
      over_ = std::move(over);
    });
  }
  void deposed(const Error& why) override {
    note([&] {
      EXPECT_EQ(elected_.size(), deposed_.size() + 1) << "I9: deposed twice";
      EXPECT_TRUE(over_.stop_requested()) << "the work was not told to stop";
      deposed_.push_back(BootClock::now());
      why_ = why;
    });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return elector_ != nullptr || ending_; });
    if (work_ends_ && !ending_) elector_->work_ended();
  }
  void notice(const std::string& payload) override {
    note([&] { notices_.push_back(payload); });
  }

  // Waits for the n-th; when it was. The test's deadline is generous, its expectations are not.
  std::optional<Deadline> elected_at(size_t n = 1,
                                     std::chrono::milliseconds wait = std::chrono::seconds(20)) {
    return nth(elected_, n, wait);
  }
  std::optional<Deadline> deposed_at(size_t n = 1,
                                     std::chrono::milliseconds wait = std::chrono::seconds(20)) {
    return nth(deposed_, n, wait);
  }
  bool heard(size_t n) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return notices_.size() >= n; });
  }
  Term term() const {
    const std::lock_guard lock(mutex_);
    return term_;
  }
  Error why() const {
    const std::lock_guard lock(mutex_);
    return why_;
  }
  size_t times_elected() const {
    const std::lock_guard lock(mutex_);
    return elected_.size();
  }

 private:
  template <typename Do>
  void note(Do what) {
    const std::lock_guard lock(mutex_);
    what();
    changed_.notify_all();
  }
  std::optional<Deadline> nth(const std::vector<Deadline>& list, size_t n, std::chrono::milliseconds wait) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, wait, [&] { return list.size() >= n; })) return std::nullopt;
    return list[n - 1];
  }

  const bool work_ends_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Deadline> elected_, deposed_;
  std::vector<std::string> notices_;
  Term term_;
  Error why_;
  std::stop_token over_;
  bool ending_ = false;
  std::unique_ptr<lease::Elector> elector_;
};

class ElectionCluster {
 public:
  ElectionCluster() {
    static int count = 0;
    cluster = server.create_cluster("election-" + std::to_string(++count));
  }
  static std::string nonce(int number) {
    std::string digits = std::to_string(number);
    return "00000000-0000-4000-8000-" + std::string(12 - digits.size(), '0') + digits;
  }
  static std::string leader_id(char node) { return std::string("openwebui-sync-node-") + node; }
  postgres::LeaseIdentity identity(char node, int number) const {
    return {cluster.name, leader_id(node), "", nonce(number), 0, std::string("host/node-") + node, "{}",
            true};
  }
  std::unique_ptr<LeaseStore> store(char node, int number, std::string url = "") const {
    if (url.empty()) url = cluster.url;
    return std::make_unique<postgres::PostgresLeaseStore>(
        postgres::ConnectOptions{url, std::string("sync-node-") + node + " lease"}, identity(node, number));
  }
  std::unique_ptr<ElectionNode> node(char name, int number, const std::string& url = "",
                                     const lease::ElectionTimes& times = kQuickElection) const {
    return std::make_unique<ElectionNode>(store(name, number, url), who(name, number), times);
  }
  lease::ElectorIdentity who(char name, int number) const {
    return {cluster.name, leader_id(name), nonce(number)};
  }
  postgres::Connection connect(const std::string& url = "") const {
    auto opened = postgres::Connection::open({url.empty() ? cluster.url : url, "election test"},
                                             deadline_in(std::chrono::seconds(20)));
    if (!opened) throw std::runtime_error(opened.error().to_string());
    return std::move(*opened);
  }
  std::string row(const std::string& columns) const {
    return server.superuser_psql("SELECT " + columns +
                                 " FROM sync_metadata.leader_election WHERE cluster_name = '" + cluster.name +
                                 "'");
  }
  void set_row(const std::string& assignments) const {
    server.superuser_psql("UPDATE sync_metadata.leader_election SET " + assignments +
                          " WHERE cluster_name = '" + cluster.name + "'");
  }
  // The server process behind a node's lease connection.
  pid_t backend(char node) const {
    return std::stoi(server.superuser_psql("SELECT max(pid) FROM pg_stat_activity WHERE usename = '" +
                                           cluster.login + "' AND application_name = 'sync-node-" + node +
                                           " lease'"));
  }

  PrivatePostgres& server = PrivatePostgres::shared();
  PrivatePostgres::Cluster cluster;
};

}  // namespace syncnode::test
