// What a write to deployment.<client> may change, and how it is refused.
#include "state/deployment_value.h"

#include <gtest/gtest.h>

namespace syncnode::state {
namespace {

constexpr char kShown[] =
    R"({"client_name":"acme","container_name":null,"port":8080,"sync_enabled":false,"sync_interval":300,)"
    R"("status":"active","config":{"exclude":["a"],"brake":{"percent":50,"rows":100}}})";

Result<DeploymentChange> change(std::string_view wanted) {
  return deployment_change("deployment.acme", kShown, wanted);
}

TEST(DeploymentValue, AnySubsetMayBeGivenAndOnlyDifferencesCount) {
  auto all = change(R"({"sync_enabled":true,"sync_interval":60,"status":"paused"})");
  ASSERT_TRUE(all) << all.error().to_string();
  EXPECT_EQ(all->sync_enabled, true);
  EXPECT_EQ(all->sync_interval, 60);
  EXPECT_EQ(all->status, "paused");
  auto one = change(R"({"sync_interval":1,"sync_enabled":false})");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->sync_interval, 1);
  EXPECT_FALSE(one->sync_enabled || one->status);
  auto none = change("{}");
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
}

TEST(DeploymentValue, WhatWasReadMayBeWrittenBack) {
  auto same = change(kShown);
  ASSERT_TRUE(same) << same.error().to_string();
  EXPECT_TRUE(same->empty());
  auto reordered =
      change(R"({"config":{"brake":{"rows":100,"percent":50},"exclude":["a"]},"sync_enabled":true})");
  ASSERT_TRUE(reordered) << reordered.error().to_string();
  EXPECT_EQ(reordered->sync_enabled, true);
}

TEST(DeploymentValue, LiveIsAnInterval) {
  EXPECT_EQ(change(R"({"sync_interval":"live"})")->sync_interval, 0);
  EXPECT_EQ(change(R"({"sync_interval":0})")->sync_interval, 0) << "as it is shown";
}

TEST(DeploymentValue, ConfigIsTheAdministrators) {
  auto refused = change(R"({"config":{}})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
  EXPECT_NE(refused.error().message.find("'config' of 'deployment.acme'"), std::string::npos);
}

TEST(DeploymentValue, EverythingElseIsRefusedByPath) {
  const std::vector<std::pair<const char*, const char*>> documents{
      {R"({"sync_intervall":60})", "sync_intervall"},
      {R"({"client_name":"other"})", "client_name"},
      {R"({"container_name":"c"})", "container_name"},
      {R"({"port":null})", "port"},
      {R"({"sync_enabled":1})", "sync_enabled"},
      {R"({"sync_enabled":null})", "sync_enabled"},
      {R"({"sync_interval":"Live"})", "sync_interval"},
      {R"({"sync_interval":-5})", "sync_interval"},
      {R"({"sync_interval":2678401})", "sync_interval"},
      {R"({"sync_interval":60.5})", "sync_interval"},
      {R"({"sync_interval":18446744073709551615})", "sync_interval"},
      {R"({"sync_interval":"60"})", "sync_interval"},
      {R"({"status":"Paused"})", "status"},
      {R"({"status":null})", "status"},
  };
  for (const auto& [document, path] : documents) {
    auto refused = change(document);
    ASSERT_FALSE(refused) << document;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument) << document;
    EXPECT_NE(refused.error().message.find("'" + std::string(path) + "' of 'deployment.acme'"),
              std::string::npos)
        << refused.error().to_string();
  }
  for (const char* document : {"[]", "1", "null", R"("sync_enabled")"}) {
    auto refused = change(document);
    ASSERT_FALSE(refused) << document;
    EXPECT_EQ(refused.error().message, "the value of 'deployment.acme' is a JSON object");
  }
}

}  // namespace
}  // namespace syncnode::state
