#include "daemon/settings_reload.h"

#include <gtest/gtest.h>

namespace syncnode::daemon {
namespace {

config::Settings some_settings() {
  config::Settings settings;
  settings.database_url = "postgresql://a@h/x";
  settings.cluster_name = "host-1";
  settings.role = "node-a";
  settings.lease_duration = std::chrono::seconds(60);
  return settings;
}

TEST(SettingsReload, TimesLevelsAndBrakesChangeWhileItRuns) {
  const auto now = some_settings();
  auto wanted = now;
  wanted.lease_duration = std::chrono::seconds(15);
  wanted.heartbeat_interval = std::chrono::seconds(3);
  wanted.log_level = LogLevel::kDebug;
  wanted.brake_percent = 10;
  wanted.batch_size = 7;
  wanted.api_token_file = "/elsewhere";
  EXPECT_TRUE(needs_restart(now, wanted).empty());
}

TEST(SettingsReload, WhoWeAreAndWhereWeListenTakesARestart) {
  const auto now = some_settings();
  auto wanted = now;
  wanted.cluster_name = "host-2";
  wanted.api_port = 9999;
  wanted.database_url = "postgresql://b@h/x";
  EXPECT_EQ(needs_restart(now, wanted),
            (std::vector<std::string>{"DATABASE_URL", "CLUSTER_NAME", "API_PORT"}));
}

}  // namespace
}  // namespace syncnode::daemon
