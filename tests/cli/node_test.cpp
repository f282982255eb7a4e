#include "cli/node.h"

#include <gtest/gtest.h>

#include "cli/remote_url.h"
#include "http/read_views.h"
#include "http/render.h"

namespace syncnode::cli {
namespace {

TEST(RemoteUrl, IsTakenApartStrictly) {
  auto plain = parse_remote_url("http://127.0.0.1:9444/");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "127.0.0.1");
  EXPECT_EQ(plain->port, 9444);
  EXPECT_FALSE(plain->tls);
  auto secure = parse_remote_url("https://[2001:db8::1]");
  ASSERT_TRUE(secure);
  EXPECT_EQ(secure->host, "2001:db8::1");
  EXPECT_EQ(secure->port, 9443);
  EXPECT_TRUE(secure->tls);
  for (const char* wrong :
       {"", "127.0.0.1:9443", "ftp://h", "http://", "http://h:", "http://h:0", "http://h:99999",
        "http://h:80/x", "http://u@h", "http://[::1", "http://h:8x", "http://h h"}) {
    EXPECT_FALSE(parse_remote_url(wrong)) << wrong;
  }
}

TEST(RemoteUrl, OnlyThisHostIsLoopback) {
  for (const char* here : {"localhost", "127.0.0.1", "127.8.8.8", "::1"})
    EXPECT_TRUE(is_loopback(here)) << here;
  for (const char* there : {"127.0.0.1.example", "10.0.0.1", "example", "::2", ""})
    EXPECT_FALSE(is_loopback(there)) << there;
}

TEST(HttpNode, NeverSendsTheTokenReadableOverTheNetwork) {
  auto node = reach_http_node({"", "http://192.0.2.1:9443", "/nowhere/token", ""});
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(node.error().message.find("readable by everybody"), std::string::npos);
}

TEST(BusNode, SaysHowToAskWithoutABus) {
  config::Settings settings;
  settings.bus_address = "none";
  auto node = reach_node({}, settings);
  ASSERT_FALSE(node);
  EXPECT_EQ(node.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(node.error().hint.find("--remote"), std::string::npos);
}

TEST(ShortName, IsTheRole) {
  EXPECT_EQ(short_name("openwebui-sync-node-a"), "node-a");
  EXPECT_EQ(short_name("other"), "other");
}

// What HTTP renders is read as it was: rendered again, it is the same text.
template <typename View>
void expect_same(const View& view, Result<View> (*read)(const json::Json&)) {
  const json::Json rendered = http::to_json(view);
  auto again = read(rendered);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(json::to_text(http::to_json(*again)), json::to_text(rendered));
}

TEST(ReadViews, ReadWhatIsRendered) {
  control::HealthView health;
  expect_same(health, http::read_health);  // everything unknown
  health.status = control::HealthWord::kDegraded;
  health.reasons = {"one", "two"};
  health.leadership = {"openwebui-sync-node-b", "prod", true, "openwebui-sync-node-b", 9, 12.5, std::nullopt};
  health.version = "1";
  health.uptime_seconds = 1.5;
  health.database_reachable = true;
  health.database_seconds_since_contact = 0.5;
  health.clients = 3;
  health.clients_failing = 1;
  health.clients_starved = 0;
  health.clients_held = 2;
  health.worst_lag_seconds = 7;
  health.worst_lag_client = "acme";
  health.jobs_running = 1;
  health.jobs_waiting = 4;
  expect_same(health, http::read_health);

  control::ClusterHostView host;
  host.host_id = "i";
  host.hostname = "h/node-a";
  expect_same(host, http::read_cluster_host);
  host = {"i", "h/node-a", "prod", "active", "leader", "openwebui-sync-node-a", "2025-10-10T12:00:00Z", true,
          1,   2,          3,      4,        5};
  expect_same(host, http::read_cluster_host);

  control::DeploymentView client;
  expect_same(client, http::read_deployment);
  client = {"acme",   "client_acme", "box", "/w.db", "active", true, 300, "2025-10-10T12:00:00Z",
            "failed", "why",         "id",  1.5,     1,        2};
  expect_same(client, http::read_deployment);

  control::JobView job;
  expect_same(job, http::read_job);
  job = {"id",
         "acme",
         "held",
         "full",
         "me",
         "2025-10-10T12:00:00Z",
         "2025-10-10T12:00:01Z",
         "why",
         1,
         2,
         3,
         4,
         5,
         6,
         7,
         0.5,
         {{"chat", "held", 1, 2, 3, 4, 5, 6, 7}, {"note", "success", {}, {}, {}, {}, {}, {}, {}}},
         R"({"equal":true,"tables":[]})"};
  expect_same(job, http::read_job);
}

TEST(ReadViews, RefuseWhatIsNoSuchDocument) {
  for (const char* text :
       {"{}", "[]", "3", R"({"node_id":3,"status":"healthy"})", R"({"node_id":"a","status":"great"})"}) {
    EXPECT_FALSE(http::read_health(*json::parse(text))) << text;
  }
  EXPECT_FALSE(http::read_list(*json::parse(R"({"jobs":{}})"), "jobs", http::read_job));
  EXPECT_FALSE(http::read_list(*json::parse(R"({"jobs":[1]})"), "jobs", http::read_job));
}

}  // namespace
}  // namespace syncnode::cli
