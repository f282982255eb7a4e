// Every method of a node over a real bus: its answer, its refusal by name, and what the node signals.
#include "bus/service.h"

#include <fmt/format.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "bus_world.h"

namespace syncnode::bus {
namespace {

using ServiceTest = BusWorld;
using NoOptions = std::map<std::string, sdbus::Variant>;

TEST_F(ServiceTest, AnswersWhatControlAnswers) {
  const auto service = start('a');
  const auto node = client();

  const auto leadership = node->leadership();
  ASSERT_TRUE(leadership.has_value()) << leadership.error().to_string();
  EXPECT_EQ(leadership->node_id, "openwebui-sync-node-a");
  EXPECT_EQ(leadership->cluster_name, "prod");
  EXPECT_TRUE(leadership->is_leader);
  EXPECT_EQ(leadership->epoch, 42);
  EXPECT_EQ(leadership->lease_expires_usec, 1'700'000'000'000'000);

  const auto health = node->health();
  ASSERT_TRUE(health.has_value());
  EXPECT_EQ(health->clients, 7);
  EXPECT_EQ(health->leadership.epoch, 42);
  const auto cluster = node->cluster();
  ASSERT_TRUE(cluster.has_value());
  EXPECT_EQ(cluster->at(0).hostname, "one");

  const auto deployments = node->deployments();
  ASSERT_TRUE(deployments.has_value()) << deployments.error().to_string();
  EXPECT_EQ(deployments->size(), 2U);
  EXPECT_EQ(deployments->at(0).last_error, "bad byte \uFFFD here");
  const auto job = node->job("job-9");
  ASSERT_TRUE(job.has_value());
  EXPECT_EQ(job->tables.at(0).rows_total, 5);
  const auto jobs = node->jobs("acme", 3);
  ASSERT_TRUE(jobs.has_value());
  EXPECT_EQ(jobs->size(), 3U);
  EXPECT_EQ(a.last_asked(), "jobs acme 3");

  const auto triggered = node->trigger({.client_name = "acme", .full = true});
  ASSERT_TRUE(triggered.has_value());
  EXPECT_EQ(*triggered, "job-1");
  EXPECT_EQ(a.last_asked(), "trigger acme full");
  EXPECT_TRUE(node->cancel("job-1").has_value());
  EXPECT_EQ(a.last_asked(), "cancel job-1");
  EXPECT_TRUE(node->set_enabled("acme", false).has_value());
  EXPECT_EQ(a.last_asked(), "pause acme");
  EXPECT_TRUE(node->set_enabled("acme", true).has_value());
  EXPECT_EQ(a.last_asked(), "resume acme");
  EXPECT_TRUE(node->step_down().has_value());
  EXPECT_EQ(a.last_asked(), "step_down");

  const auto state = node->get_state("k");
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->value, R"({"a": 1})");
  EXPECT_TRUE(state->cached);
  EXPECT_TRUE(node->set_state("k", "[1]").has_value());
  EXPECT_EQ(a.last_asked(), "set k [1]");

  const auto conflicts = node->conflicts({.client_name = "acme", .limit = 9, .include_resolved = true});
  ASSERT_TRUE(conflicts.has_value());
  EXPECT_EQ(conflicts->at(0).conflict_id, "c-1");
  EXPECT_EQ(a.last_asked(), "conflicts acme 9 all");
  EXPECT_TRUE(node->resolve({.conflict_id = "c-1", .choice = "value", .value = "{}"}).has_value());
  EXPECT_EQ(a.last_asked(), "resolve c-1 value {}");
  const auto shown = node->conflict("c-1");
  ASSERT_TRUE(shown.has_value()) << shown.error().to_string();
  EXPECT_EQ(a.last_asked(), "conflict c-1");
  EXPECT_EQ(shown->view.source_data, R"({"title": "Plans for May"})");
  ASSERT_EQ(shown->differences.size(), 1U);
  EXPECT_EQ(shown->differences[0].path, "title");
  EXPECT_EQ(shown->differences[0].source, "\"Plans for May\"");
  EXPECT_TRUE(shown->differences[0].source_changed);
  EXPECT_FALSE(shown->differences[0].target_changed);
  const auto bulk = node->resolve_all(
      {.client_name = "acme", .table_name = "chat", .conflict_type = {}, .choice = "merge"});
  ASSERT_TRUE(bulk.has_value()) << bulk.error().to_string();
  EXPECT_EQ(a.last_asked(), "resolve_all acme chat * merge");
  EXPECT_EQ(bulk->resolved, 3);
  EXPECT_EQ(bulk->refused, 1);
  EXPECT_EQ(bulk->left, 2);
  EXPECT_EQ(bulk->left_because, "the time was over");
  ASSERT_EQ(bulk->refusals.size(), 1U);
  EXPECT_EQ(bulk->refusals[0].conflict_id, "c-1");
  EXPECT_EQ(bulk->refusals[0].detail, "it moved");

  EXPECT_EQ(a.last_caller().name, "uid " + std::to_string(getuid()) + " over D-Bus");
  EXPECT_TRUE(a.last_caller().may_change);
}

TEST_F(ServiceTest, EveryRefusalTravelsByName) {
  const auto service = start('a');
  RawCaller caller(bus.address());
  const auto every = [&](const std::string& general, const std::string& client, const std::string& job,
                         const std::string& conflict) {
    const auto name = [&](const char* interface, const char* method, const auto&... arguments) {
      return caller.error_of(kSharedName, interface, method, arguments...);
    };
    const std::string text = "x";
    EXPECT_EQ(name(kNodeInterface, "GetCluster"), general);
    EXPECT_EQ(name(kLeaderInterface, "StepDown"), general);
    EXPECT_EQ(name(kSyncInterface, "Trigger", text, NoOptions{}), client);
    EXPECT_EQ(name(kSyncInterface, "Pause", text), client);
    EXPECT_EQ(name(kSyncInterface, "Resume", text), client);
    EXPECT_EQ(name(kSyncInterface, "ListDeployments"), general);
    EXPECT_EQ(name(kSyncInterface, "ListJobs", text, uint32_t{1}), client);
    EXPECT_EQ(name(kSyncInterface, "Cancel", text), job);
    EXPECT_EQ(name(kSyncInterface, "GetJob", text), job);
    EXPECT_EQ(name(kStateInterface, "Get", text), general);
    EXPECT_EQ(name(kStateInterface, "Set", text, text), general);
    EXPECT_EQ(name(kConflictsInterface, "List", NoOptions{}), client);
    EXPECT_EQ(name(kConflictsInterface, "Show", text), conflict);
    EXPECT_EQ(name(kConflictsInterface, "Resolve", text, text, NoOptions{}), conflict);
    EXPECT_EQ(name(kConflictsInterface, "ResolveAll", NoOptions{}, text), client);
  };
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    a.set_error(Error{static_cast<ErrorCode>(code), "it cannot be", "wait"});
    const std::string general = error_name(static_cast<ErrorCode>(code));
    const bool absent = static_cast<ErrorCode>(code) == ErrorCode::kNotFound;
    every(general, absent ? kNoSuchClient : general, absent ? kNoSuchJob : general,
          absent ? kNoSuchConflict : general);
    EXPECT_EQ(caller.message, "it cannot be; hint: wait");
  }
  a.set_error(Error{ErrorCode::kFenced, "node b leads", "ask openwebui-sync-node-b"});
  const auto refused = client()->trigger({.client_name = "acme"});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kFenced);
  EXPECT_EQ(refused.error().hint, "ask openwebui-sync-node-b");
}

TEST_F(ServiceTest, UnknownOptionsNeverReachControl) {
  const auto service = start('a');
  RawCaller caller(bus.address());
  const NoOptions typo{{"ful", sdbus::Variant(true)}};
  const std::string text = "x", invalid = error_name(ErrorCode::kInvalidArgument);
  EXPECT_EQ(caller.error_of(kSharedName, kSyncInterface, "Trigger", text, typo), invalid);
  EXPECT_EQ(caller.error_of(kSharedName, kConflictsInterface, "List", typo), invalid);
  EXPECT_EQ(caller.error_of(kSharedName, kConflictsInterface, "Resolve", text, text, typo), invalid);
  EXPECT_EQ(caller.error_of(kSharedName, kConflictsInterface, "ResolveAll", typo, text), invalid);
  EXPECT_EQ(caller.error_of(kSharedName, kSyncInterface, "Trigger", int32_t{1}, typo),
            "org.freedesktop.DBus.Error.InvalidArgs");
  EXPECT_EQ(a.times_asked(), 0U);
}

TEST_F(ServiceTest, SignalsWhatHappens) {
  const auto service = start('a');
  Listener listener(bus.address());
  a.set_leadership(test::BusFakeControl::follower("openwebui-sync-node-a", "openwebui-sync-node-b", 43));
  service->leadership_changed(a.leadership());
  service->job_started("job-1", "acme");
  service->job_progress("job-1", "chat", 10, std::nullopt);
  service->job_progress("job-1", "chat", 11, 20);  // within the interval: dropped
  service->job_progress("job-2", "user", 1, 2);
  service->job_finished("job-1", "acme", "success");
  EXPECT_TRUE(listener.heard.wait_for("JobFinished job-1 acme success"));
  EXPECT_EQ(listener.heard.count("LeadershipChanged no openwebui-sync-node-b 43"), 1U);
  EXPECT_EQ(
      listener.heard.count("PropertiesChanged org.openwebui.SyncNode1.Leader Epoch:t IsLeader:b LeaderId:s"),
      1U);
  EXPECT_EQ(listener.heard.count("JobStarted job-1 acme"), 1U);
  EXPECT_EQ(listener.heard.count("JobProgress job-1"), 1U);
  EXPECT_EQ(listener.heard.count("JobProgress job-1 chat 10 -1"), 1U);
  EXPECT_EQ(listener.heard.count("JobProgress job-2 user 1 2"), 1U);
}

// "interface member" → what it is, of our own interfaces.
std::map<std::string, std::string> members(std::string xml) {
  xml = std::regex_replace(xml, std::regex("<!--[^]*?-->"), "");
  const std::regex tag(R"(<(interface|method|signal|property|arg|annotation)\s([^>]*?)/?>)"),
      attribute(R"((\w+)=\"([^"]*)\")");
  std::map<std::string, std::string> found;
  std::string interface, member;
  for (std::sregex_iterator at(xml.begin(), xml.end(), tag), end; at != end; ++at) {
    const std::string kind = (*at)[1], text = (*at)[2];
    std::map<std::string, std::string> values;
    for (std::sregex_iterator a(text.begin(), text.end(), attribute); a != std::sregex_iterator(); ++a) {
      values[(*a)[1]] = (*a)[2];
    }
    if (kind == "interface") {
      interface = values["name"];
      continue;
    }
    if (interface.rfind(kSharedName, 0) != 0) continue;
    if (kind == "method" || kind == "signal" || kind == "property")
      member = fmt::format("{} {} {}", interface, kind, values["name"]);
    std::string& text_of_member = found[member];
    text_of_member.append(kind).append("(");
    for (const auto& [name, value] : values) text_of_member.append(fmt::format("{}={} ", name, value));
    text_of_member.append(")");
  }
  return found;
}

TEST_F(ServiceTest, ShowsTheInstalledInterface) {
  const auto service = start('a');
  RawCaller caller(bus.address());
  auto proxy = sdbus::createProxy(caller.connection(), instance_name('a'), kObjectPath);
  std::string shown;
  proxy->callMethod("Introspect").onInterface("org.freedesktop.DBus.Introspectable").storeResultsTo(shown);
  std::ifstream file(SYNC_NODE_SOURCE "/units/dbus/org.openwebui.SyncNode1.xml");
  std::stringstream installed;
  installed << file.rdbuf();
  EXPECT_EQ(members(shown), members(installed.str()));
  EXPECT_EQ(members(shown).size(), 27U);
}

TEST_F(ServiceTest, LogLevelIsTheStandardOne) {
  const auto service = start('a');
  RawCaller caller(bus.address());
  auto proxy = sdbus::createProxy(caller.connection(), instance_name('a'), "/org/freedesktop/LogControl1");
  const auto level = [&] {
    return proxy->getProperty("LogLevel").onInterface("org.freedesktop.LogControl1").get<std::string>();
  };
  const auto set = [&](const char* property, const std::string& value) -> std::string {
    try {
      proxy->setProperty(property).onInterface("org.freedesktop.LogControl1").toValue(value);
      return "";
    } catch (const sdbus::Error& error) {
      return error.getName();
    }
  };
  EXPECT_EQ(level(), "info");
  EXPECT_EQ(set("LogLevel", "debug"), "");
  EXPECT_EQ(level(), "debug");
  EXPECT_EQ(log_control.level(), LogLevel::kDebug);
  EXPECT_EQ(set("LogLevel", "loud"), kInvalidArgs);
  EXPECT_EQ(set("LogTarget", "console"), "org.freedesktop.DBus.Error.PropertyReadOnly");
  EXPECT_EQ(level(), "debug");
}

TEST_F(ServiceTest, CallsInFlightAreAnsweredAtTheEnd) {
  auto service = start('a');
  a.hold(true);
  std::thread caller([&] {
    const auto refused = client()->trigger({.client_name = "acme"});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(refused.error().message, "this node is stopping");
  });
  ASSERT_TRUE(a.wait_for_asked("trigger acme"));
  service->stop();
  caller.join();
  service.reset();
  a.hold(false);  // Control's late answer falls on the floor
  std::promise<void> answered;
  a.cancel({}, "after it", [&](const Status&) { answered.set_value(); });
  answered.get_future().get();
}

TEST_F(ServiceTest, ACallerThatVanishedIsNoTrouble) {
  const auto service = start('a');
  a.hold(true);
  {
    RawCaller caller(bus.address());
    auto proxy = sdbus::createProxy(caller.connection(), kSharedName, kObjectPath);
    auto call = proxy->createMethodCall(kStateInterface, "Get");
    call << std::string("k");
    call.dontExpectReply();
    proxy->callMethod(call);
    ASSERT_TRUE(a.wait_for_asked("get k"));
  }
  a.hold(false);
  EXPECT_TRUE(client()->get_state("k").has_value());
}

TEST_F(ServiceTest, TooManyCallsOfOneCallerAreRefusedNotQueued) {
  const auto service = start('a');
  a.hold(true);
  RawCaller caller(bus.address());
  auto proxy = sdbus::createProxy(caller.connection(), kSharedName, kObjectPath);
  for (int count = 0; count < 64; ++count) {
    proxy->callMethod(proxy->createMethodCall(kNodeInterface, "GetCluster"),
                      [](sdbus::MethodReply&, const sdbus::Error*) {});
  }
  ASSERT_TRUE(a.wait_for_asked("cluster", 64));
  EXPECT_EQ(caller.error_of(kSharedName, kNodeInterface, "GetCluster"),
            error_name(ErrorCode::kResourceExhausted));
  std::thread another([&] { EXPECT_TRUE(client()->cluster().has_value()); });
  ASSERT_TRUE(a.wait_for_asked("cluster", 65));
  a.hold(false);
  another.join();
}

}  // namespace
}  // namespace syncnode::bus
