#include "deploy/plan.h"

#include <gtest/gtest.h>

namespace syncnode::deploy {
namespace {

std::string names(const Result<std::vector<Step>>& steps) {
  if (!steps) return "refused: " + steps.error().message;
  std::string all;
  for (const auto& step : *steps) all += (all.empty() ? "" : " ") + std::string(to_string(step.action));
  return all;
}

Wanted wanted(Task task = Task::kDeploy) {
  Wanted wanted;
  wanted.task = task;
  wanted.host_name = "host-1";
  wanted.machine = task == Task::kPrepare ? "" : std::string(64, 'a');
  wanted.project = {kSelfHosted, kSelfHosted};
  wanted.database = *config::parse_database_url("postgresql://admin:x@127.0.0.1:5432/sync");
  wanted.password = "own";
  return wanted;
}

FileState file(std::string text, unsigned mode) {
  return {true, true, mode, std::move(text), ""};
}

// A host on which nothing is left to be done.
Found settled(const Wanted& want) {
  Found found;
  found.schema = found.schema_needed = 10;
  found.host = {"sync_service", true, Machine::kOurs, "", "openwebui-sync-node-a", 1, 100};
  found.password_works = true;
  found.secret = file(secret_text(want, "sync_service"), 0600);
  found.link = {true, true, 0777, "", kLinkTarget};
  found.environment =
      file(environment_text(std::nullopt, config::to_url(host_url(want, "sync_service")), "host-1"), 0600);
  found.node_environments = {file(node_environment_text(std::nullopt, 'a'), 0640),
                             file(node_environment_text(std::nullopt, 'b'), 0640)};
  found.units = {UnitState{true, true}, UnitState{true, true}};
  return found;
}

Found fresh() {
  Found found;
  found.schema_needed = 10;
  return found;
}

TEST(Plan, AFreshHostGetsEverythingInTheSafeOrder) {
  auto want = wanted();
  want.password_is_new = true;
  EXPECT_EQ(names(plan(want, fresh())),
            "schema host credentials password link environment node_environments enable start");
  want.docker = true;
  want.units = false;
  EXPECT_EQ(names(plan(want, fresh())),
            "schema host credentials password link environment node_environments docker_ipv6");
}

TEST(Plan, WhatIsRightIsLeftAlone) {
  const auto want = wanted();
  EXPECT_EQ(names(plan(want, settled(want))), "");
}

TEST(Plan, APasswordIsOnTheDiskBeforeTheRoleHasItAndTheRestartIsNotedBeforeBoth) {
  auto want = wanted();
  const auto found = settled(want);
  want.rotate = want.password_is_new = true;
  want.password = "new";
  auto rotating = found;
  rotating.password_works = false;
  EXPECT_EQ(names(plan(want, rotating)), "restart_mark credentials password environment restart sessions");
  rotating.restart_pending = true;  // killed right after the note
  EXPECT_EQ(names(plan(want, rotating)), "credentials password environment restart sessions");
}

TEST(Plan, AKilledRotationIsFinishedByAnyRun) {
  auto want = wanted();
  const auto before = settled(want);
  want.password = "new";  // read from .credentials: they were written before the kill
  auto found = before;
  found.secret = file(secret_text(want, "sync_service"), 0600);
  found.restart_pending = true;
  found.password_works = false;
  EXPECT_EQ(names(plan(want, found)), "password environment restart sessions");
  found.password_works = true;
  found.former_sessions = 1;
  EXPECT_EQ(names(plan(want, found)), "environment restart sessions");
  found.former_sessions = 0;
  EXPECT_EQ(names(plan(want, found)), "environment restart");
  found.environment = file(
      environment_text(before.environment.text, config::to_url(host_url(want, "sync_service")), "host-1"),
      0600);
  EXPECT_EQ(names(plan(want, found)), "restart");
}

TEST(Plan, AWrongModeIsCorrectedWithoutARestart) {
  const auto want = wanted();
  auto found = settled(want);
  found.environment.mode = 0644;
  found.secret.mode = 0640;
  found.node_environments[1].mode = 0644;
  EXPECT_EQ(names(plan(want, found)), "credentials environment node_environments");
}

TEST(Plan, AChangedWayRestartsTheNodesThatRun) {
  auto want = wanted();
  auto found = settled(want);
  want.database.hosts[0].name = "127.0.0.2";
  EXPECT_EQ(names(plan(want, found)), "restart_mark credentials environment restart");
  found.units = {UnitState{true, false}, UnitState{true, false}};
  EXPECT_EQ(names(plan(want, found)), "credentials environment start");
}

TEST(Plan, AnotherMachineIsRefusedUnlessItIsAdopted) {
  auto want = wanted();
  auto found = settled(want);
  found.host.machine = Machine::kOther;
  EXPECT_EQ(names(plan(want, found)), "refused: host 'host-1' is another machine");
  want.adopt = true;
  EXPECT_EQ(names(plan(want, found)), "sessions host");
  found.host.leader.clear();
  EXPECT_EQ(names(plan(want, found)), "host");
  found.host.machine = Machine::kOurs;
  EXPECT_EQ(names(plan(want, found)), "");
  found = settled(want);
  found.host.other_cluster = "host-0";
  EXPECT_EQ(names(plan(want, found)), "refused: this machine is host 'host-0' of the project already");
}

TEST(Plan, AReplacedMachineIsShutOutBeforeThisOneIsNotedAndStarted) {
  auto want = wanted();
  want.adopt = want.password_is_new = true;
  auto found = settled(want);
  found.host.machine = Machine::kOther;
  found.password_works = false;
  found.secret = {};
  found.units = {UnitState{false, false}, UnitState{false, false}};
  EXPECT_EQ(names(plan(want, found)), "credentials password sessions host enable start");
}

TEST(Plan, ALivingHostIsNotRobbedOfItsPassword) {
  auto want = wanted();
  want.password_is_new = true;
  auto found = settled(want);
  found.password_works = false;
  found.host.machine = Machine::kNone;
  EXPECT_EQ(names(plan(want, found)).find("refused: 'openwebui-sync-node-a' leads"), 0U);
  found.host.leader.clear();
  EXPECT_EQ(names(plan(want, found)), "host restart_mark password restart sessions");
}

TEST(Plan, AFileThatIsNotOursToReplaceIsRefused) {
  const auto want = wanted();
  auto found = settled(want);
  found.link = file("ADMIN_URL=x", 0600);
  EXPECT_EQ(names(plan(want, found)).find("refused: '/etc/sync-node/.credentials' is a file"), 0U);
  const FileState link{true, true, 0777, "", "/srv/settings/env"};
  found = settled(want);
  found.environment = link;
  EXPECT_EQ(names(plan(want, found)), "refused: '/etc/sync-node/.env' is a link to '/srv/settings/env'");
  for (const size_t node : {size_t{0}, size_t{1}}) {
    found = settled(want);
    found.node_environments[node] = link;
    EXPECT_EQ(names(plan(want, found))
                  .find(node == 0 ? "refused: '/etc/sync-node/node-a.env' is a link"
                                  : "refused: '/etc/sync-node/node-b.env' is a link"),
              0U);
  }
}

TEST(Plan, PreparingTouchesNoHostAndNoPasswordThatIsInUse) {
  auto want = wanted(Task::kPrepare);
  want.password_is_new = true;
  EXPECT_EQ(names(plan(want, fresh())), "schema credentials host password");
  auto found = settled(want);
  found.password_works = false;
  found.host.machine = Machine::kOther;  // it has enrolled: whose it is, is not asked here
  found.secret = {};
  EXPECT_EQ(names(plan(want, found)).find("refused: host 'host-1' is there already"), 0U);
  want.rotate = true;
  EXPECT_EQ(names(plan(want, found)), "credentials password sessions");
  want.adopt = true;
  EXPECT_EQ(names(plan(want, found)), "credentials password sessions host");
}

TEST(Plan, EnrollingWritesNoCredentialsOfTheAdmin) {
  auto want = wanted(Task::kEnroll);
  want.database = *config::parse_database_url("postgresql://sync_service:own@127.0.0.1:5432/sync");
  Found found = fresh();
  found.schema = 10;
  found.host = {"sync_service", true, Machine::kNone, "", "", 0, 0};
  found.password_works = true;
  EXPECT_EQ(names(plan(want, found)), "machine environment node_environments enable start");
  found.host.machine = Machine::kOther;
  EXPECT_EQ(names(plan(want, found)), "refused: host 'host-1' is another machine");
}

TEST(Plan, TheFileForAHostCarriesBothWaysAndNoAdmin) {
  auto want = wanted(Task::kPrepare);
  want.project = {"abc", "aws-0-eu-west-1"};
  want.database = direct_url(want.project, "postgres", "admin-secret");
  const std::string text = secret_text(want, "sync_service_b");
  EXPECT_EQ(text.find("admin-secret"), std::string::npos);
  const auto read = parse_enrollment(text, "file");
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->host_name, "host-1");
  ASSERT_EQ(read->urls.size(), 2U);
  EXPECT_EQ(read->urls[0].hosts[0].name, "db.abc.supabase.co");
  EXPECT_EQ(read->urls[1].user, "sync_service_b.abc");
  EXPECT_EQ(read->urls[1].password, "own");
  want.database.parameters = {{"sslmode", "verify-full"}, {"sslrootcert", "/ca"}};
  const auto strict = parse_enrollment(secret_text(want, "sync_service_b"), "file");
  ASSERT_TRUE(strict) << strict.error().to_string();
  for (const auto& url : strict->urls) EXPECT_EQ(url.parameters, want.database.parameters);
  for (const char* wrong :
       {"", "HOST_NAME=x\n", "HOST_NAME=x\nSUPABASE_PROJECT_REF=r\nSUPABASE_URL=postgresql://u@h/d\n",
        "ADMIN_URL=x\n"})
    EXPECT_FALSE(parse_enrollment(wrong, "file")) << wrong;
}

}  // namespace
}  // namespace syncnode::deploy
