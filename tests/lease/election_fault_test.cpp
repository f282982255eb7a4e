// Electors against a real server while things break: F-numbers and invariants are those of the fault
// catalogue; what each test protects stands in its first line.
#include <csignal>

#include "lease/election_node.h"
#include "postgres/private_pooler.h"
#include "postgres/tcp_proxy.h"

namespace syncnode::test {
namespace {

using namespace std::chrono_literals;
using postgres::Transaction;

constexpr auto kLease = 3000ms;
constexpr auto kSlack = 900ms;  // scheduling of a busy machine

const std::string kCommit("COMMIT\0", 7);  // not the COMMITTED of an isolation level

Deadline soon() {
  return deadline_in(20s);
}

class ElectionFault : public ::testing::Test {
 protected:
  ElectionCluster cluster_;
};

TEST_F(ElectionFault, AGracefulStopHandsOverAtOnce) {
  // I4, I9: released only after the work ended, and the peer leads within a round trip or two of that.
  ElectionNode a(cluster_.store('a', 1), cluster_.who('a', 1), kQuickElection, false);
  ASSERT_TRUE(a.elected_at());
  auto b = cluster_.node('b', 2);
  while (b->facts().leader_id != ElectionCluster::leader_id('a')) {
  }
  std::thread work([&] {
    a.deposed_at();
    EXPECT_FALSE(b->elected_at(1, 300ms)) << "given back while the work still ran";
    EXPECT_NE(cluster_.row("expires_at = to_timestamp(0)"), "t");
    a.elector().work_ended();
  });
  Status stopped = a.elector().stop(deadline_in(2s));
  const Deadline released = BootClock::now();
  EXPECT_TRUE(stopped) << stopped.error().to_string();
  const auto led = b->elected_at();
  work.join();
  ASSERT_TRUE(led);
  std::printf("  the peer leads %.1f ms after the release was answered\n",
              std::chrono::duration<double, std::milli>(*led - released).count());
  EXPECT_LT(*led - released, 500ms);
}

TEST_F(ElectionFault, F32_WorkThatDoesNotEndIsNotGivenBack) {
  // I1: without the end of the work there is no release; the lease runs out instead.
  ElectionNode a(cluster_.store('a', 1), cluster_.who('a', 1), kQuickElection, false);
  ASSERT_TRUE(a.elected_at());
  Status stopped = a.elector().stop(deadline_in(300ms));
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(cluster_.row("expires_at > clock_timestamp()"), "t");
}

TEST_F(ElectionFault, F07_ALongFencedTransactionDoesNotDisturbTheLease) {
  // I5: a writer that holds the fence for longer than a lease does not delay a single renewal.
  auto a = cluster_.node('a', 1);
  ASSERT_TRUE(a->elected_at());
  auto b = cluster_.node('b', 2);
  auto writer = cluster_.connect();
  auto transaction = Transaction::begin(writer, {}, soon());
  ASSERT_TRUE(postgres::fence(writer, a->term(), soon()));
  EXPECT_FALSE(a->deposed_at(1, kLease + 1s));
  EXPECT_TRUE(a->elector().may_act());
  EXPECT_TRUE(transaction->commit(soon()));
  EXPECT_EQ(b->times_elected(), 0U);
}

TEST_F(ElectionFault, F13_ALeaderCutOffStopsBeforeAnotherLeads) {
  // I3, I4, I7: the network swallows everything; the step-down deadline comes before the lease's end.
  TcpProxy proxy(port_of(cluster_.cluster.url));
  auto a = cluster_.node('a', 1, with_port(cluster_.cluster.url, proxy.port()));
  ASSERT_TRUE(a->elected_at());
  auto b = cluster_.node('b', 2);
  while (b->facts().leader_id.empty()) {
  }
  const Deadline frozen = BootClock::now();
  proxy.freeze();
  const auto lost = a->deposed_at();
  const auto led = b->elected_at();
  ASSERT_TRUE(lost && led);
  EXPECT_FALSE(a->elector().may_act());
  EXPECT_EQ(a->why().code, ErrorCode::kDeadlineExceeded);
  EXPECT_LT(*lost, *led) << "two claims at once";
  EXPECT_LT(*led - frozen, kLease + kSlack);
  EXPECT_GE(*led - frozen, kLease - 700ms);
}

TEST_F(ElectionFault, F14_AFrozenBackEndCostsOneAttempt) {
  // I5, I7: the kernel still acknowledges; only the application's deadline ends the call, and a new
  // connection renews.
  auto a = cluster_.node('a', 1);
  ASSERT_TRUE(a->elected_at());
  const pid_t backend = cluster_.backend('a');
  ASSERT_EQ(::kill(backend, SIGSTOP), 0);
  EXPECT_FALSE(a->deposed_at(1, kLease));
  EXPECT_TRUE(a->elector().may_act());
  ASSERT_EQ(::kill(backend, SIGCONT), 0);
}

TEST_F(ElectionFault, F17_AnAcquisitionWhoseAnswerWasLostIsFoundAgain) {
  // I2, I9: COMMIT arrives, its answer does not; one epoch is granted and its owner finds it by its nonce.
  TcpProxy proxy(port_of(cluster_.cluster.url));
  proxy.lose_answer_to("greatest(epoch");
  auto a = cluster_.node('a', 1, with_port(cluster_.cluster.url, proxy.port()));
  // The statement is answered never, so the transaction never commits; the next connection is whole again.
  while (a->facts().failures == 0) {
  }
  proxy.lose_answer_to("");
  ASSERT_TRUE(a->elected_at());
  EXPECT_EQ(cluster_.row("epoch"), std::to_string(a->term().epoch));
  a->kill();
  // The same with the COMMIT itself.
  auto store = cluster_.store('b', 2, with_port(cluster_.cluster.url, proxy.port()));
  cluster_.set_row("expires_at = to_timestamp(0)");
  const int64_t before = std::stoll(cluster_.row("epoch"));
  ASSERT_TRUE(store->observe(soon()));
  proxy.lose_answer_to(kCommit);
  auto taken = store->acquire(3s, deadline_in(1s));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kOutcomeUnknown) << taken.error().to_string();
  proxy.lose_answer_to("");
  ElectionNode b(std::move(store), cluster_.who('b', 2));
  ASSERT_TRUE(b.elected_at());
  EXPECT_EQ(b.term().epoch, before + 1) << "granted twice";
}

TEST_F(ElectionFault, F17_ALostAnswerToARenewalOrReleaseChangesNobodysTerm) {
  // I6, I9: a renewal without its answer is tried again; a release without its answer frees the lease all the
  // same.
  TcpProxy proxy(port_of(cluster_.cluster.url));
  auto a = cluster_.node('a', 1, with_port(cluster_.cluster.url, proxy.port()));
  ASSERT_TRUE(a->elected_at());
  proxy.lose_answer_to("heartbeat_count + 1");
  while (a->facts().last_error.empty()) {
  }
  proxy.lose_answer_to("");
  EXPECT_FALSE(a->deposed_at(1, 1500ms));
  auto b = cluster_.node('b', 2);
  while (b->facts().leader_id.empty()) {
  }
  proxy.lose_answer_to(kCommit);
  static_cast<void>(a->elector().stop(deadline_in(1s)).has_value());
  ASSERT_TRUE(b->elected_at());
  EXPECT_EQ(b->term().epoch, a->term().epoch + 1);
}

TEST_F(ElectionFault, F18_ARenewalTheClientGaveUpExtendsNothing) {
  // I6: the server drops the statement about when its client stops waiting for it.
  auto a = cluster_.store('a', 1);
  const Grant grant = **a->acquire(3s, soon());
  auto locker = cluster_.connect(cluster_.server.superuser_url());
  auto held = Transaction::begin(locker, {}, soon());
  const std::string lock = "SELECT renew_seq FROM sync_metadata.leader_election WHERE cluster_name = '" +
                           cluster_.cluster.name + "' FOR UPDATE";
  const std::string before(locker.query(lock, {}, soon())->text(0, 0));
  EXPECT_FALSE(a->renew(grant.term, 60s, deadline_in(300ms)));
  a.reset();
  // Past the client's patience, the statement must have left the queue for the lock.
  while (cluster_.server.superuser_psql("SELECT count(*) FROM pg_locks WHERE NOT granted") != "0") {
  }
  ASSERT_TRUE(held->commit(soon()));
  EXPECT_EQ(cluster_.row("renew_seq"), before);
}

TEST_F(ElectionFault, F19_ALateReleaseOfAnEarlierTermChangesNothing) {
  // I6: even of the same holder.
  auto a = cluster_.store('a', 1);
  const Grant first = **a->acquire(3s, soon());
  cluster_.set_row("expires_at = clock_timestamp()");
  const Grant second = **a->acquire(30s, soon());
  ASSERT_TRUE(a->release(first.term, soon()));
  EXPECT_TRUE(a->renew(second.term, 30s, soon()));
}

TEST_F(ElectionFault, F20_WhoIsToldOfAReleaseThatWasNoneTakesNothing) {
  // I2, I5, I8: the notice names the very term, so the standby tries at once; the row refuses it.
  auto a = cluster_.node('a', 1);
  ASSERT_TRUE(a->elected_at());
  auto b = cluster_.node('b', 2);
  const auto has_heard_of = [&](uint64_t attempts) {
    for (const Deadline end = soon(); BootClock::now() < end;) {
      if (b->facts().hears_notices && b->facts().leader_nonce == a->facts().leader_nonce &&
          b->facts().attempts >= attempts)
        return true;
    }
    return false;
  };
  ASSERT_TRUE(has_heard_of(0));
  auto liar = cluster_.connect();
  ASSERT_TRUE(liar.simple("SELECT pg_notify('sync_node', '" + cluster_.cluster.name +
                              "' || E'\\nlease released " + a->facts().leader_nonce + "')",
                          soon()));
  EXPECT_TRUE(has_heard_of(1)) << "it was not even tried";
  EXPECT_EQ(b->facts().failures, 1U);
  EXPECT_EQ(b->facts().leader_id, a->facts().leader_id);
  EXPECT_EQ(a->times_elected(), 1U);
  EXPECT_EQ(b->times_elected(), 0U);
}

TEST_F(ElectionFault, F20_ANoticeStormIsNoStatementStorm) {
  // I5, I8: hints make a node look, at most four times a second, and never elect or depose anybody.
  auto a = cluster_.node('a', 1);
  ASSERT_TRUE(a->elected_at());
  auto b = cluster_.node('b', 2);
  auto loud = cluster_.connect();
  const std::string own = cluster_.cluster.name;
  const std::string storm =
      "SELECT pg_notify('sync_node', '" + own + "' || E'\\nlease released ' || i), " +
      "pg_notify('sync_node', 'other' || E'\\nlease released ' || i) FROM generate_series(1, 2000) i";
  // A standby listens from its first wait on.
  while (cluster_.server.superuser_psql(
             "SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN sync_node' AND "
             "usename = '" +
             cluster_.cluster.login + "'") == "0" &&
         b->facts().calls < 2) {
  }
  const auto began = BootClock::now();
  const uint64_t calls = a->facts().calls + b->facts().calls;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(loud.simple(storm, soon()));
    ASSERT_TRUE(loud.simple(
        "SELECT pg_notify('sync_node', '" + own + "' || E'\\ncache " + std::to_string(i) + "')", soon()));
  }
  EXPECT_TRUE(b->heard(20)) << "what is not about the lease reaches the listener";
  const double took = std::chrono::duration<double>(BootClock::now() - began).count();
  const auto made = static_cast<double>(a->facts().calls + b->facts().calls - calls);
  std::printf("  80,000 notices in %.2f s: %.0f calls\n", took, made);
  EXPECT_LT(made, 8 + took * 8);
  EXPECT_EQ(a->times_elected(), 1U);
  EXPECT_EQ(b->times_elected(), 0U);
}

TEST_F(ElectionFault, F20_OnesOwnResignationIsNoReasonToLead) {
  // I5: who stepped down lets the peer go first; alone, it leads again after a bounded while.
  auto a = cluster_.node('a', 1);
  ASSERT_TRUE(a->elected_at());
  a->elector().step_down(30s);
  const auto stepped = a->deposed_at();
  ASSERT_TRUE(stepped);
  const auto again = a->elected_at(2);
  ASSERT_TRUE(again) << "nobody leads and nobody else is there";
  EXPECT_GT(*again - *stepped, 1900ms);
  EXPECT_LT(*again - *stepped, 2s + kSlack);
  auto b = cluster_.node('b', 2);
  while (b->facts().leader_id.empty()) {
  }
  a->elector().step_down(30s);
  ASSERT_TRUE(b->elected_at());
  EXPECT_FALSE(a->elected_at(3, 2500ms));
}

TEST_F(ElectionFault, F21_WithoutNoticesPollingIsEnough) {
  // I4: the listening connection dies silently and the notice is lost; the next look finds the lease free.
  auto a = cluster_.node('a', 1);
  ASSERT_TRUE(a->elected_at());
  TcpProxy proxy(port_of(cluster_.cluster.url));
  auto b = cluster_.node('b', 2, with_port(cluster_.cluster.url, proxy.port()));
  while (b->facts().leader_id.empty()) {
  }
  proxy.freeze();
  ASSERT_TRUE(a->elector().stop(deadline_in(2s)));
  const auto released = BootClock::now();
  proxy.thaw();
  const auto led = b->elected_at();
  ASSERT_TRUE(led);
  EXPECT_LT(*led - released, kQuickElection.keeper.renew_every + 600ms + kSlack);
}

TEST_F(ElectionFault, F26_WhatAnOperatorDoesToTheRowIsSurvived) {
  // I2, I4: expired, released or deleted under a leader: it is deposed or goes on, and somebody leads again.
  auto a = cluster_.node('a', 1);
  ASSERT_TRUE(a->elected_at());
  cluster_.set_row("expires_at = clock_timestamp()");
  ASSERT_TRUE(a->deposed_at(1));
  EXPECT_EQ(a->why().code, ErrorCode::kFenced);
  ASSERT_TRUE(a->elected_at(2));
  EXPECT_EQ(a->term().epoch, 2);
  EXPECT_ANY_THROW(cluster_.set_row("expires_at = NULL"));
  EXPECT_ANY_THROW(cluster_.set_row("expires_at = 'infinity'"));
  cluster_.server.superuser_psql("DELETE FROM sync_metadata.leader_election WHERE cluster_name = '" +
                                 cluster_.cluster.name + "'");
  ASSERT_TRUE(a->deposed_at(2));
  while (a->facts().last_error.find("not registered") == std::string::npos) {
  }
  cluster_.server.superuser_psql("INSERT INTO sync_metadata.leader_election (cluster_name) VALUES ('" +
                                 cluster_.cluster.name + "')");
  ASSERT_TRUE(a->elected_at(3));
  EXPECT_EQ(a->term().epoch, 3) << "an epoch this node had seen was granted again";
}

TEST_F(ElectionFault, F27_ANodeThatKnowsNoEpochsCannotTakeTheRow) {
  // I2: the original's upsert changes the leader and not the epoch; the row's guard refuses it.
  auto a = cluster_.node('a', 1);
  ASSERT_TRUE(a->elected_at());
  auto old_node = cluster_.connect();
  auto taken = old_node.simple(
      "UPDATE sync_metadata.leader_election SET leader_id = 'primary', acquired_at = now(), "
      "expires_at = now() + interval '1 min' WHERE cluster_name = '" +
          cluster_.cluster.name + "'",
      soon());
  ASSERT_FALSE(taken);
  EXPECT_EQ(old_node.last_sqlstate(), "23514");
  EXPECT_FALSE(a->deposed_at(1, 1500ms));
}

TEST_F(ElectionFault, F29_OfManyStandbysExactlyOneFollows) {
  // I2, I8: twelve here, since the private server has 60 connections; the simulation and the contract have
  // the crowds.
  auto leader = cluster_.node('a', 1);
  ASSERT_TRUE(leader->elected_at());
  std::vector<std::unique_ptr<ElectionNode>> standbys;
  standbys.reserve(12);
  for (int i = 0; i < 12; ++i) standbys.push_back(cluster_.node('b', 100 + i));
  for (auto& standby : standbys) {
    while (standby->facts().leader_id.empty()) {
    }
  }
  leader->kill();
  const auto leaders = [&] {
    return std::count_if(standbys.begin(), standbys.end(),
                         [](auto& one) { return one->times_elected() > 0; });
  };
  const Deadline end = deadline_in(10s);
  while (leaders() == 0 && BootClock::now() < end) {
  }
  EXPECT_EQ(leaders(), 1);
  EXPECT_EQ(cluster_.row("epoch"), "2");
  uint64_t calls = 0;
  for (auto& standby : standbys) calls += standby->facts().calls;
  EXPECT_LT(calls, 12U * 20);
}

TEST_F(ElectionFault, F30_ACrashingLeaderDoesNotFlap) {
  // I5: after its first crash the peer leads, and restarts of the other change nothing.
  auto a = cluster_.node('a', 1);
  ASSERT_TRUE(a->elected_at());
  auto b = cluster_.node('b', 2);
  while (b->facts().leader_id.empty()) {
  }
  a->kill();
  b->elector().proven_dead(ElectionCluster::nonce(1));
  ASSERT_TRUE(b->elected_at());
  for (int life = 10; life < 15; ++life) {
    a = cluster_.node('a', life);
    a->elector().proven_dead(ElectionCluster::nonce(life - 1));
    while (a->facts().leader_id.empty()) {
    }
    a->kill();
    b->elector().proven_dead(ElectionCluster::nonce(life));
  }
  EXPECT_EQ(cluster_.row("epoch"), "2");
  EXPECT_TRUE(b->elector().may_act());
}

TEST_F(ElectionFault, F44_TwoCopiesOfOneConfigurationAreTwoHolders) {
  // I2, I6: same name, same host, another nonce: one leads, and neither confirms the other.
  auto a = cluster_.node('a', 1);
  ASSERT_TRUE(a->elected_at());
  auto copy = cluster_.node('a', 2);
  EXPECT_FALSE(copy->elected_at(1, kLease + 500ms));
  EXPECT_TRUE(a->elector().may_act());
  EXPECT_FALSE(copy->elector().may_act());
}

}  // namespace
}  // namespace syncnode::test
