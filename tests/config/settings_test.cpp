#include "config/settings.h"

#include <gtest/gtest.h>

#include "temporary_file.h"

namespace syncnode::config {
namespace {

const std::map<std::string, std::string> kNode = {
    {"DATABASE_URL", "postgresql://sync_service:secret@h:5432/postgres"},
    {"CLUSTER_NAME", "prod-host-1"},
    {"ROLE", "node-a"}};

std::string why(const Result<Settings>& settings) {
  return settings ? "" : settings.error().message;
}

TEST(Settings, HaveTheReferencesDefaults) {
  auto settings = load_settings({kNode, {}, ""}, Purpose::kNode);
  ASSERT_TRUE(settings) << why(settings);
  EXPECT_EQ(settings->role, "node-a");
  EXPECT_EQ(settings->api_port, 9443);
  EXPECT_EQ(settings->cache_ttl.count(), 300);
  EXPECT_EQ(settings->heartbeat_interval.count(), 30);
  EXPECT_EQ(settings->lease_duration.count(), 60);
  EXPECT_EQ(settings->log_level, LogLevel::kInfo);
  EXPECT_EQ(settings->batch_size, 1000);
  EXPECT_TRUE(settings->enable_metrics);
  EXPECT_EQ(settings->state_directory, "/var/lib/sync-node");
  EXPECT_EQ(settings->brake_percent, 50);
  EXPECT_EQ(settings->brake_min_rows, 100);
}

TEST(Settings, AcceptTheNamesOfTheEnvFile) {
  TemporaryFile file(
      "SUPABASE_URL=postgresql://u:p@h/"
      "d\nHOST_NAME=h1\nCACHE_TTL=10\nHEARTBEAT_INTERVAL=5\nLEASE_DURATION=15\n"
      "LOG_LEVEL=DEBUG\nLOG_FORMAT=json\nBATCH_SIZE=500\nENABLE_METRICS=false\n");
  TemporaryFile node("ROLE=node-b\nAPI_PORT=9444\n");
  auto settings = load_settings({{}, {file.path(), node.path()}, ""}, Purpose::kNode);
  ASSERT_TRUE(settings) << why(settings);
  EXPECT_EQ(settings->database_url, "postgresql://u:p@h/d");
  EXPECT_EQ(settings->cluster_name, "h1");
  EXPECT_EQ(settings->role, "node-b");
  EXPECT_EQ(settings->log_format, LogFormat::kJson);
  EXPECT_EQ(settings->api_port, 9444);
  EXPECT_FALSE(settings->enable_metrics);
}

TEST(Settings, EnvironmentWinsOverFilesWhateverTheName) {
  TemporaryFile file("DATABASE_URL=postgresql://file@h/d\nCLUSTER_NAME=of-file\n");
  auto settings =
      load_settings({{{"SUPABASE_URL", "postgresql://env@h/d"}, {"CLUSTER_NAME", ""}}, {file.path()}, ""},
                    Purpose::kCommand);
  ASSERT_TRUE(settings) << why(settings);
  EXPECT_EQ(settings->database_url, "postgresql://env@h/d");
  EXPECT_EQ(settings->cluster_name, "of-file");  // an empty value is not given
}

TEST(Settings, ReportEveryProblemAtOnce) {
  TemporaryFile file("CASHE_TTL=3\nBATCH_SIZE=many\nbroken line\n");
  auto settings = load_settings({{{"DATABASE_URL", "postgresql://u:p@ss@h/d"},
                                  {"ROLE", "primary"},
                                  {"API_PORT", "65536"},
                                  {"HEARTBEAT_INTERVAL", "60"},
                                  {"LEASE_DURATION", "60"},
                                  {"LOG_LEVEL", "loud"},
                                  {"STATE_DIRECTORY", "here"}},
                                 {file.path()},
                                 ""},
                                Purpose::kNode);
  ASSERT_FALSE(settings);
  EXPECT_EQ(settings.error().code, ErrorCode::kInvalidArgument);
  for (const char* part :
       {"10 problems", "line 1 sets 'CASHE_TTL', which is not a key of sync-node: did you mean CACHE_TTL?",
        "BATCH_SIZE='many'", "line 3 is not KEY=VALUE",
        "DATABASE_URL (environment): database URL has more than one '@'", "CLUSTER_NAME is missing",
        "ROLE='primary'", "API_PORT='65536' (environment)",
        "LEASE_DURATION=60 is not above HEARTBEAT_INTERVAL=60", "LOG_LEVEL='loud'",
        "STATE_DIRECTORY='here'"}) {
    EXPECT_NE(why(settings).find(part), std::string::npos) << part << "\n" << why(settings);
  }
  EXPECT_EQ(why(settings).find("p@ss"), std::string::npos);
}

TEST(Settings, ContradictionsAreRefused) {
  auto both = kNode;
  both["SUPABASE_URL"] = "postgresql://other@h/d";
  EXPECT_NE(why(load_settings({both, {}, ""}, Purpose::kNode)).find("DATABASE_URL and SUPABASE_URL differ"),
            std::string::npos);
  both["SUPABASE_URL"] = both["DATABASE_URL"];
  EXPECT_TRUE(load_settings({both, {}, ""}, Purpose::kNode));
  EXPECT_NE(why(load_settings({kNode, {}, "b"}, Purpose::kNode)).find("contradicts --node b"),
            std::string::npos);
  EXPECT_EQ(load_settings({kNode, {}, "a"}, Purpose::kNode)->role, "node-a");
}

TEST(Settings, AKeyThatTheUnitHidesFromTheNodesIsRefused) {
  const auto with_key = [](const std::string& path) {
    auto values = kNode;
    values["API_TLS_CERT"] = "/etc/ssl/certs/host.pem";
    values["API_TLS_KEY"] = path;
    return load_settings({values, {}, ""}, Purpose::kNode);
  };
  for (const char* path :
       {"/etc/ssl/private/host.key", "/etc/ssl/certs/../private/host.key", "/etc//ssl/private/a/host.key",
        "/etc/ssh/host.key", "/etc/sync-node/admin/host.key"}) {
    EXPECT_NE(why(with_key(path)).find(std::string("API_TLS_KEY='") + path), std::string::npos) << path;
    EXPECT_NE(why(with_key(path)).find("hides from the nodes"), std::string::npos) << path;
  }
  for (const char* path :
       {"/etc/sync-node/host.key", "/etc/ssl/private.key", "/srv/etc/ssl/private/host.key"}) {
    EXPECT_TRUE(with_key(path)) << path << ": " << why(with_key(path));
  }
}

TEST(Settings, NumbersAreWholeAndBounded) {
  for (const char* text : {"", "+5", "5s", "0x10", "-1", "1e3", "99999999999999999999", "0"}) {
    auto values = kNode;
    values["BATCH_SIZE"] = text;
    EXPECT_EQ(load_settings({values, {}, ""}, Purpose::kNode).has_value(), std::string(text).empty()) << text;
  }
}

TEST(Settings, ACommandIsNotBotheredByKeysOfANode) {
  std::map<std::string, std::string> values = {{"DATABASE_URL", "postgresql://u@h/d"}, {"ROLE", "admin"}};
  EXPECT_TRUE(load_settings({values, {}, ""}, Purpose::kCommand));
  EXPECT_FALSE(load_settings({{}, {}, ""}, Purpose::kCommand));
  EXPECT_TRUE(load_settings({{}, {}, ""}, Purpose::kAdmin));
}

TEST(Settings, AFileWithAPasswordIsNotForEverybody) {
  TemporaryFile file("DATABASE_URL=postgresql://u:secret@h/d\n", 0644);
  EXPECT_NE(
      why(load_settings({{}, {file.path()}, ""}, Purpose::kCommand)).find("others can use it: chmod 640"),
      std::string::npos);
  TemporaryFile group("DATABASE_URL=postgresql://u:secret@h/d\n", 0640);
  EXPECT_TRUE(load_settings({{}, {group.path()}, ""}, Purpose::kCommand));
  TemporaryFile harmless("DATABASE_URL=postgresql://u@h/d\n", 0644);
  EXPECT_TRUE(load_settings({{}, {harmless.path()}, ""}, Purpose::kCommand));
}

TEST(Settings, ShownValuesHoldNoPassword) {
  auto settings = load_settings({kNode, {}, ""}, Purpose::kNode);
  ASSERT_TRUE(settings);
  for (const auto& shown : settings->shown)
    EXPECT_EQ(shown.value.find("secret"), std::string::npos) << shown.key;
  EXPECT_EQ(settings->shown.at(0).value, "postgresql://sync_service:***@h:5432/postgres");
}

TEST(Settings, NamesAreChecked) {
  EXPECT_TRUE(is_client_name("acme-prod_1"));
  EXPECT_FALSE(is_client_name(""));
  EXPECT_FALSE(is_client_name("a.b"));
  EXPECT_FALSE(is_client_name(std::string(57, 'a')));
  EXPECT_TRUE(is_cluster_name("host.example-1"));
  EXPECT_FALSE(is_cluster_name("a b"));
}

}  // namespace
}  // namespace syncnode::config
