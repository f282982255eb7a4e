#include "cli/status_page.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cli/node_documents.h"
#include "cli/text.h"

namespace syncnode::cli {
namespace {

using control::DeploymentView;
using control::HealthView;
using control::HealthWord;

HealthView health(const char* node_id, bool leads) {
  HealthView view;
  view.status = HealthWord::kHealthy;
  view.version = "1.4.0";
  view.uptime_seconds = leads ? 7900 : 66;
  view.database_reachable = true;
  view.leadership.node_id = node_id;
  view.leadership.cluster_name = "prod-host-1";
  view.leadership.is_leader = leads;
  view.leadership.leader_id = "openwebui-sync-node-a";
  view.leadership.epoch = 12;
  view.leadership.lease_seconds_left = 43.2;
  return view;
}

DeploymentView client(const char* name, const char* last, double lag) {
  DeploymentView view;
  view.client_name = name;
  view.status = "active";
  view.sync_enabled = true;
  view.sync_interval = 300;
  view.last_sync_status = last;
  if (lag >= 0) view.lag_seconds = lag;
  return view;
}

Situation fine() {
  Situation situation;
  situation.cluster_name = "prod-host-1";
  situation.nodes = {{"node-a", health("openwebui-sync-node-a", true), "", {}},
                     {"node-b", health("openwebui-sync-node-b", false), "", {}}};
  situation.clients = {client("acme", "success", 12), client("globex", "success", 0.2)};
  return situation;
}

Situation troubled() {
  Situation situation = fine();
  situation.nodes[0].health->status = HealthWord::kDegraded;
  situation.nodes[0].health->reasons = {"1 clients fail"};
  situation.nodes[1] = {"node-b", std::nullopt, "no sync-node answers by this name on the bus", 312.0};
  auto failing = client("acme", "failed", 7300);
  failing.last_error =
      "reading '/srv/acme/webui.db': the file is encrypted\nor is not a database; hint: look";
  auto held = client("globex", "held", 40);
  held.held = 2;
  auto paused = client("initech", "success", 86400 * 3);
  paused.status = "paused";
  paused.sync_enabled = false;
  situation.clients = {failing, held, client("hooli", "", -1), paused, client("umbrella", "success", 9)};
  control::JobView job;
  job.job_id = "3f2b8c1e-0000-4000-8000-000000000000";
  job.client_name = "hooli";
  job.status = "running";
  job.sync_type = "full";
  job.triggered_by = "scheduled";
  situation.jobs = {job};
  return situation;
}

constexpr Look k80{false, 80}, k120{false, 120};

TEST(StatusPage, OfAHealthyCluster) {
  EXPECT_EQ(status_page(fine(), k80), R"(cluster prod-host-1 is healthy: node-a leads

NODE    HEALTH   ROLE     EPOCH  LEASE LEFT    UP  VERSION
node-a  healthy  leader      12        43 s   2 h  1.4.0
node-b  healthy  standby     12        43 s  66 s  1.4.0

CLIENT  STATE  SYNCED    SCHEDULE
acme    fine   12 s ago  every 5 min
globex  fine   now       every 5 min
2 clients: 2 fine

nothing needs you
)");
}

TEST(StatusPage, OfATroubledClusterAt80Columns) {
  EXPECT_EQ(status_page(troubled(), k80), R"(cluster prod-host-1 is degraded: node-a leads

NODE    HEALTH     ROLE            EPOCH  LEASE LEFT   UP  VERSION
node-a  degraded   leader             12        43 s  2 h  1.4.0
node-b  no answer  seen 5 min ago      –           –    –  –
  node-a: 1 clients fail
  node-b: no sync-node answers by this name on the bus

CLIENT    STATE    SYNCED      SCHEDULE     WHY
acme      failing  2 h ago     every 5 min  reading '/srv/acme…is not a database
globex    held     40 s ago    every 5 min  2 held until a person decides
hooli     behind   never       every 5 min
initech   paused   3 days ago  paused
umbrella  fine     9 s ago     every 5 min
5 clients: 1 failing, 1 held, 1 behind, 1 paused, 1 fine
running job 3f2b8c1e of hooli: full, by its interval

next: sync-nodectl jobs acme
)");
}

TEST(StatusPage, OfATroubledClusterAt120Columns) {
  EXPECT_EQ(status_page(troubled(), k120), R"(cluster prod-host-1 is degraded: node-a leads

NODE    HEALTH     ROLE            EPOCH  LEASE LEFT   UP  VERSION
node-a  degraded   leader             12        43 s  2 h  1.4.0
node-b  no answer  seen 5 min ago      –           –    –  –
  node-a: 1 clients fail
  node-b: no sync-node answers by this name on the bus

CLIENT    STATE    SYNCED      SCHEDULE     WHY
acme      failing  2 h ago     every 5 min  reading '/srv/acme/webui.db': the file is encrypted or is not a database
globex    held     40 s ago    every 5 min  2 held until a person decides
hooli     behind   never       every 5 min
initech   paused   3 days ago  paused
umbrella  fine     9 s ago     every 5 min
5 clients: 1 failing, 1 held, 1 behind, 1 paused, 1 fine
running job 3f2b8c1e of hooli: full, by its interval

next: sync-nodectl jobs acme
)");
}

TEST(StatusPage, NeverIsWiderThanTheTerminal) {
  auto situation = troubled();
  situation.nodes[0].health->reasons = {std::string(300, 'x')};
  situation.clients->front().last_error = std::string(300, 'y');
  std::string page = status_page(situation, k80);
  for (size_t at = 0; at < page.size();) {
    const size_t end = page.find('\n', at);
    EXPECT_LE(display_width(page.substr(at, end - at)), 80u) << page;
    at = end + 1;
  }
}

TEST(StatusPage, ShowsWhatATerminalWouldObeyAsText) {
  auto situation = troubled();
  situation.clients->front().last_error = "\033[2Jgone";
  EXPECT_EQ(status_page(situation, k120).find('\033'), std::string::npos);
}

TEST(StatusPage, ALongListEndsWithinTheScreen) {
  auto situation = fine();
  situation.clients->clear();
  for (int i = 0; i < 50; ++i) situation.clients->push_back(client("c", "success", 1));
  const std::string page = status_page(situation, k80);
  EXPECT_LE(std::count(page.begin(), page.end(), '\n'), 24);
  EXPECT_NE(page.find("… and 38 more (--json lists all)\n50 clients: 50 fine\n"), std::string::npos) << page;
}

TEST(Situation, TheStateOfAClientFollowsItsLastRun) {
  EXPECT_EQ(state_of(client("c", "success", 5)), ClientState::kFine);
  EXPECT_EQ(state_of(client("c", "success", 629)), ClientState::kFine);
  const double most = 6 * 3600;  // an unchanged client is synced this seldom
  EXPECT_EQ(state_of(client("c", "success", 629 + most)), ClientState::kFine);
  EXPECT_EQ(state_of(client("c", "success", 631 + most)), ClientState::kBehind);
  auto known = client("c", "success", 5000);
  known.checked_seconds = 629;
  EXPECT_EQ(state_of(known), ClientState::kFine) << "its leader looked";
  known.checked_seconds = 631;
  EXPECT_EQ(state_of(known), ClientState::kBehind);
  known.sync_interval = 0;
  EXPECT_EQ(state_of(known), ClientState::kBehind) << "live, and not looked at every minute";
  known.checked_seconds = 149;
  EXPECT_EQ(state_of(known), ClientState::kFine);
  EXPECT_EQ(state_of(client("c", "", -1)), ClientState::kBehind);
  EXPECT_EQ(state_of(client("c", "failed", 5)), ClientState::kFailing);
  EXPECT_EQ(state_of(client("c", "starved", 5)), ClientState::kStarved);
  auto held = client("c", "success", 5);
  held.held = 1;
  EXPECT_EQ(state_of(held), ClientState::kHeld);
  auto by_hand = client("c", "success", 90000);
  by_hand.sync_enabled = false;
  EXPECT_EQ(state_of(by_hand), ClientState::kPaused);
}

TEST(Situation, TheNextStepIsForTheWorst) {
  auto situation = fine();
  EXPECT_EQ(next_step(situation), "");
  EXPECT_EQ(exit_code_of(verdict(situation)), ExitCode::kOk);
  situation.clients->front() = client("acme", "success", 90000);
  EXPECT_EQ(next_step(situation), "sync-nodectl sync acme");
  situation.nodes[1].health.reset();
  EXPECT_EQ(next_step(situation), "systemctl start sync-node@b");
  situation.clients->front() = client("acme", "failed", 9000);
  EXPECT_EQ(next_step(situation), "sync-nodectl jobs acme");
  EXPECT_EQ(exit_code_of(verdict(situation)), ExitCode::kNeedsPerson);
  situation.nodes[0].health->status = HealthWord::kUnhealthy;
  EXPECT_EQ(next_step(situation), "journalctl -u sync-node@a -n 50");
  EXPECT_EQ(exit_code_of(verdict(situation)), ExitCode::kFailed) << "nobody is left who can do the duty";
}

TEST(Situation, ASickStandbyIsNoOutage) {
  auto situation = fine();
  situation.nodes[1].health->status = HealthWord::kUnhealthy;
  EXPECT_EQ(verdict(situation), HealthWord::kDegraded);
}

TEST(Situation, AnIdleClusterSaysHowToBegin) {
  auto situation = fine();
  situation.clients->clear();
  EXPECT_EQ(next_step(situation), "sync-nodectl client register NAME --sqlite-path FILE");
  auto paused = client("acme", "", -1);
  paused.sync_enabled = false;
  situation.clients->push_back(paused);
  EXPECT_EQ(next_step(situation), "sync-nodectl client resume acme");
  EXPECT_EQ(verdict(situation), HealthWord::kHealthy);
}

TEST(Situation, WhoMayNotSeeTheClientsStillSeesTheNodes) {
  auto situation = fine();
  situation.clients.reset();
  situation.clients_unknown = Error{ErrorCode::kPermissionDenied, "you may not see the clients", ""};
  EXPECT_NE(status_page(situation, k80).find("the clients are not known: you may not see the clients\n"),
            std::string::npos);
  EXPECT_EQ(status_document(situation)["clients"], nullptr);
  EXPECT_EQ(next_step(situation), "sudo sync-nodectl status");
}

TEST(NodeDocuments, UnknownIsNull) {
  auto document = status_document(troubled());
  EXPECT_EQ(document["nodes"][1]["answers"], false);
  EXPECT_EQ(document["nodes"][1]["uptime_seconds"], nullptr);
  EXPECT_EQ(document["clients"][2]["last_sync_age_seconds"], nullptr);
  EXPECT_EQ(document["next"], "sync-nodectl jobs acme");
  EXPECT_EQ(leader_document({})["leader_id"], nullptr);
  EXPECT_EQ(leader_document({})["epoch"], nullptr);
}

}  // namespace
}  // namespace syncnode::cli
