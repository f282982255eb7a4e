#include "control/health.h"

#include <gtest/gtest.h>

namespace syncnode::control {
namespace {

using std::chrono::seconds;

HealthFacts healthy_leader() {
  HealthFacts facts;
  facts.leadership.node_id = facts.leadership.leader_id = "openwebui-sync-node-a";
  facts.leadership.is_leader = true;
  facts.now = BootClock::now();
  facts.started = facts.now - seconds(3600);
  facts.contact = {true, false, facts.now - seconds(2), ""};
  facts.clients = std::vector<ClientFacts>{{"a", false, false, false, 1.5}, {"b", false, false, false, 0.0}};
  return facts;
}

TEST(Health, AWorkingLeaderIsHealthyAndSaysHowFarBehindTheWorstClientIs) {
  const auto view = judge(healthy_leader());
  EXPECT_EQ(view.status, HealthWord::kHealthy);
  EXPECT_TRUE(view.reasons.empty());
  EXPECT_EQ(view.clients, 2);
  EXPECT_EQ(view.worst_lag_seconds, 1.5);
  EXPECT_EQ(view.worst_lag_client, "a");
  EXPECT_DOUBLE_EQ(view.uptime_seconds, 3600);
}

TEST(Health, AClientWhoseContainerHasAnotherVolumeIsNamedWithWhatToDo) {
  auto facts = healthy_leader();
  facts.clients->back().failing = facts.clients->back().moved = true;
  const auto view = judge(facts);
  EXPECT_EQ(view.status, HealthWord::kDegraded);
  ASSERT_EQ(view.reasons.size(), 2u);
  EXPECT_EQ(
      view.reasons[1],
      "the container of client 'b' was recreated with another volume, which is not synced: sync-nodectl "
      "client show b tells what to do");
}

TEST(Health, AStandbyThatHearsTheDatabaseIsHealthyAndClaimsNothingAboutClients) {
  auto facts = healthy_leader();
  facts.leadership.is_leader = false;
  facts.leadership.leader_id = "openwebui-sync-node-b";
  facts.clients.reset();
  const auto view = judge(facts);
  EXPECT_EQ(view.status, HealthWord::kHealthy);
  EXPECT_FALSE(view.clients || view.clients_failing || view.worst_lag_seconds);
}

TEST(Health, WithoutTheDatabaseItIsDegradedAtOnceAndUnhealthyAfterALease) {
  auto facts = healthy_leader();
  facts.contact = {false, false, facts.now - seconds(3), "connection refused"};
  auto view = judge(facts);
  EXPECT_EQ(view.status, HealthWord::kDegraded);
  ASSERT_EQ(view.reasons.size(), 1u);
  EXPECT_EQ(view.reasons[0], "no answer from the database for 3 s: connection refused");
  facts.contact.last = facts.now - seconds(61);
  view = judge(facts);
  EXPECT_EQ(view.status, HealthWord::kUnhealthy);
  EXPECT_FALSE(view.database_reachable);
}

TEST(Health, WhomAPoolerKeepsWaitingIsLateAndDoesNotCallTheDatabaseGone) {
  auto facts = healthy_leader();
  facts.contact = {true, true, facts.now - seconds(13), "let in, but no statement was served in time"};
  const auto view = judge(facts);
  EXPECT_EQ(view.status, HealthWord::kDegraded);
  EXPECT_TRUE(view.database_reachable);
  ASSERT_EQ(view.reasons.size(), 1u);
  EXPECT_EQ(view.reasons[0], "the pooler has had no server connection to spare for 13 s");
}

TEST(Health, ANodeThatNeverReachedItsDatabaseIsNotHealthy) {
  auto facts = healthy_leader();
  facts.contact = {};
  facts.leadership.leader_id = "";
  facts.started = facts.now - seconds(1);
  EXPECT_EQ(judge(facts).status, HealthWord::kDegraded);
  facts.started = facts.now - seconds(100);
  EXPECT_EQ(judge(facts).status, HealthWord::kUnhealthy);
}

TEST(Health, AFailingOrStarvedClientDegradesAHeldOneDoesNot) {
  auto facts = healthy_leader();
  facts.clients->front().held = true;
  EXPECT_EQ(judge(facts).status, HealthWord::kHealthy);
  EXPECT_EQ(judge(facts).clients_held, 1);
  facts.clients->front().failing = true;
  EXPECT_EQ(judge(facts).status, HealthWord::kDegraded);
  facts.clients->front() = {"a", false, true, false, std::nullopt};
  EXPECT_EQ(judge(facts).status, HealthWord::kDegraded);
}

TEST(Health, ALoopThatStandsStillOrNobodyLeading) {
  auto facts = healthy_leader();
  facts.leadership.is_leader = false;
  facts.leadership.leader_id = "";
  EXPECT_EQ(judge(facts).status, HealthWord::kDegraded);
  facts.stalled = {"lease"};
  const auto view = judge(facts);
  EXPECT_EQ(view.status, HealthWord::kUnhealthy);
  EXPECT_EQ(view.reasons.back(), "the lease loop stands still");
}

}  // namespace
}  // namespace syncnode::control
