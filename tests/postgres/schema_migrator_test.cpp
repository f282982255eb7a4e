// Applying the schema: what it says it did, what it refuses, and that half a migration never stays.
#include "postgres/schema_migrator.h"

#include <gtest/gtest.h>

#include <future>

#include "support/private_postgres.h"

namespace syncnode::postgres {
namespace {

using namespace std::chrono_literals;

Deadline later() {
  return deadline_in(60s);
}

Connection must_open(const std::string& url) {
  auto connection = Connection::open({url, "schema_migrator_test"}, later());
  if (!connection) throw std::runtime_error(connection.error().to_string());
  return std::move(*connection);
}

class SchemaMigrator : public ::testing::Test {
 protected:
  SchemaMigrator() : connection_(must_open(server_.admin_url())) {}

  test::PrivatePostgres server_;
  Connection connection_;
};

constexpr sql::Migration kFirst{
    1, "01-first",
    "CREATE SCHEMA sync_metadata; CREATE TABLE sync_metadata.schema_migrations (number int PRIMARY "
    "KEY, name text, sha256 text, applied_at timestamptz DEFAULT now())"};
constexpr sql::Migration kSecond{2, "02-second", "CREATE TABLE sync_metadata.second ()"};
constexpr sql::Migration kBroken{2, "02-broken", "CREATE TABLE sync_metadata.half (); SELECT 1/0"};

TEST_F(SchemaMigrator, AppliesTheRealSchemaOnceAndSaysSo) {
  auto first = apply_migrations(connection_, sql::kMigrations, later());
  ASSERT_TRUE(first) << first.error().to_string();
  ASSERT_EQ(first->size(), std::size(sql::kMigrations));
  for (const MigrationOutcome& outcome : *first) EXPECT_TRUE(outcome.applied) << outcome.name;
  auto second = apply_migrations(connection_, sql::kMigrations, later());
  ASSERT_TRUE(second) << second.error().to_string();
  for (const MigrationOutcome& outcome : *second) EXPECT_FALSE(outcome.applied) << outcome.name;
  EXPECT_TRUE(require_schema(connection_, sql::kMigrations, later()));
  EXPECT_EQ(
      server_.admin_psql("SELECT count(*) FROM sync_metadata.schema_migrations WHERE length(sha256) = 64"),
      std::to_string(std::size(sql::kMigrations)));
}

TEST_F(SchemaMigrator, AgentsReadTheVersion) {
  ASSERT_TRUE(apply_migrations(connection_, sql::kMigrations, later()));
  const auto cluster = server_.create_cluster("host-1");
  Connection agent = must_open(cluster.url);
  EXPECT_TRUE(require_schema(agent, sql::kMigrations, later()));
  const std::vector<sql::Migration> fewer(std::begin(sql::kMigrations), std::end(sql::kMigrations) - 1);
  Status refused = require_schema(agent, fewer, later());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(SchemaMigrator, AFailedMigrationLeavesNothingBehindButTheOnesBefore) {
  auto applied = apply_migrations(connection_, std::vector{kFirst, kBroken}, later());
  ASSERT_FALSE(applied);
  EXPECT_NE(applied.error().message.find("'02-broken'"), std::string::npos) << applied.error().message;
  EXPECT_EQ(server_.admin_psql("SELECT to_regclass('sync_metadata.half') IS NULL"), "t");
  auto version = schema_version(connection_, later());
  ASSERT_TRUE(version);
  EXPECT_EQ(*version, 1);
  auto repaired = apply_migrations(connection_, std::vector{kFirst, kSecond}, later());
  ASSERT_TRUE(repaired) << repaired.error().to_string();
  EXPECT_FALSE((*repaired)[0].applied);
  EXPECT_TRUE((*repaired)[1].applied);
}

TEST_F(SchemaMigrator, RefusesAnAppliedMigrationWithAnotherText) {
  ASSERT_TRUE(apply_migrations(connection_, std::vector{kFirst, kSecond}, later()));
  sql::Migration edited = kSecond;
  edited.text = "CREATE TABLE sync_metadata.second (id int)";
  auto applied = apply_migrations(connection_, std::vector{kFirst, edited}, later());
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(applied.error().message.find("'02-second'"), std::string::npos) << applied.error().message;
}

TEST_F(SchemaMigrator, RefusesADatabaseThatIsNewer) {
  ASSERT_TRUE(apply_migrations(connection_, std::vector{kFirst, kSecond}, later()));
  auto applied = apply_migrations(connection_, std::vector{kFirst}, later());
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(applied.error().message.find("schema 2"), std::string::npos) << applied.error().message;
}

TEST_F(SchemaMigrator, AnEmptyDatabaseHasVersionZeroAndIsRefusedByAgents) {
  auto version = schema_version(connection_, later());
  ASSERT_TRUE(version) << version.error().to_string();
  EXPECT_EQ(*version, 0);
  EXPECT_FALSE(require_schema(connection_, std::vector{kFirst}, later()));
}

TEST_F(SchemaMigrator, NeedsARoleThatMayCreateRoles) {
  server_.admin_psql("CREATE ROLE plain LOGIN PASSWORD 'plain-password'");
  std::string url = server_.admin_url();
  url.replace(url.find("admin:"), url.find('@') - url.find("admin:"), "plain:plain-password");
  Connection plain = must_open(url);
  auto applied = apply_migrations(plain, std::vector{kFirst}, later());
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, ErrorCode::kPermissionDenied);
}

TEST_F(SchemaMigrator, TwoAppliersAtOnceApplyEachMigrationOnce) {
  Connection other = must_open(server_.admin_url());
  auto theirs =
      std::async(std::launch::async, [&] { return apply_migrations(other, sql::kMigrations, later()); });
  auto ours = apply_migrations(connection_, sql::kMigrations, later());
  auto result = theirs.get();
  ASSERT_TRUE(ours) << ours.error().to_string();
  ASSERT_TRUE(result) << result.error().to_string();
  for (size_t i = 0; i < ours->size(); ++i)
    EXPECT_NE((*ours)[i].applied, (*result)[i].applied) << (*ours)[i].name;
}

}  // namespace
}  // namespace syncnode::postgres
