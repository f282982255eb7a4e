// What others change reaches a cache through cache_events, also with psql, also after a restore.
#include "state/cache_feed.h"

#include <gtest/gtest.h>

#include "support/private_postgres.h"

namespace syncnode::state {
namespace {

using namespace std::chrono_literals;
using postgres::Connection;
using test::PrivatePostgres;

Deadline soon() {
  return deadline_in(20s);
}

Connection must_open(const std::string& url) {
  auto opened = Connection::open({url, "cache_feed_test"}, soon());
  if (!opened) throw std::runtime_error(opened.error().to_string());
  return std::move(*opened);
}

class CacheFeedTest : public ::testing::Test {
 protected:
  void keep(const std::string& key) { cache_.keep(cache_.begin(key, BootClock::now()), {"1", 1, ""}); }
  bool has(const std::string& key) { return cache_.peek(key, BootClock::now()) != nullptr; }
  int must_poll() {
    auto polled = feed_.poll(connection_, soon());
    if (!polled) throw std::runtime_error(polled.error().to_string());
    return *polled;
  }
  void write(const std::string& key) const {
    server_.admin_psql(
        "INSERT INTO sync_metadata.state_values (cluster_name, key, value, updated_by) VALUES ('" +
        cluster_.name + "', '" + key +
        "', '1', 'x') ON CONFLICT (cluster_name, key) DO UPDATE SET value = excluded.value");
  }

  PrivatePostgres& server_ = PrivatePostgres::shared();
  static inline int count_ = 0;
  PrivatePostgres::Cluster cluster_ = server_.create_cluster("feed-" + std::to_string(++count_));
  Connection connection_ = must_open(cluster_.url);
  StateCache cache_{{}};
  CacheFeed feed_{cluster_.name, cache_};
};

TEST_F(CacheFeedTest, TheFirstPollTrustsNothing) {
  write("k");
  keep("k");
  keep("other");
  EXPECT_EQ(must_poll(), 0);
  EXPECT_FALSE(has("k"));
  EXPECT_FALSE(has("other"));
}

TEST_F(CacheFeedTest, WhatChangedIsInvalidatedAndNothingElse) {
  must_poll();
  keep("k");
  keep("other");
  EXPECT_EQ(must_poll(), 0);
  EXPECT_TRUE(has("k"));
  write("k");
  EXPECT_EQ(must_poll(), 1);
  EXPECT_FALSE(has("k"));
  EXPECT_TRUE(has("other"));
  EXPECT_EQ(must_poll(), 0);
}

TEST_F(CacheFeedTest, AnAdminsHandOnAClientIsSeenASyncIsNot) {
  const std::string name = "feed client " + std::to_string(count_);
  server_.admin_psql("SELECT sync_metadata.register_client('" + cluster_.name + "', '" + name +
                     "', NULL, '/srv/x', 300, '{}')");
  const auto update = [&](const std::string& change) {
    server_.admin_psql("UPDATE sync_metadata.client_deployments SET " + change + " WHERE client_name = '" +
                       name + "'");
  };
  must_poll();
  keep("deployment." + name);
  update("last_sync_at = now()");
  EXPECT_EQ(must_poll(), 0);
  EXPECT_TRUE(has("deployment." + name));
  update("config = '{\"exclude\": []}'");
  EXPECT_EQ(must_poll(), 1);
  EXPECT_FALSE(has("deployment." + name));
}

TEST_F(CacheFeedTest, AnEventThatCommitsLateIsNotMissed) {
  Connection slow = must_open(cluster_.url);
  must_poll();
  ASSERT_TRUE(
      slow.simple("BEGIN; INSERT INTO sync_metadata.state_values (key, value, updated_by) "
                  "VALUES ('slow', '1', 'x')",
                  soon()));
  write("quick");
  EXPECT_EQ(must_poll(), 1);
  keep("slow");
  ASSERT_TRUE(slow.simple("COMMIT", soon()));
  must_poll();
  EXPECT_FALSE(has("slow"));
}

TEST_F(CacheFeedTest, AFailedPollLosesNothing) {
  must_poll();
  write("k");
  Connection broken = must_open(cluster_.url);
  broken.close();
  EXPECT_FALSE(feed_.poll(broken, soon()));
  keep("k");
  EXPECT_EQ(must_poll(), 1);
  EXPECT_FALSE(has("k"));
}

TEST_F(CacheFeedTest, ADatabaseThatWentBackInTimeIsTrustedInNothing) {
  PrivatePostgres restored;
  restored.apply_migrations();
  Connection there = must_open(restored.create_cluster(cluster_.name).url);
  const auto newest = [](PrivatePostgres& server) {
    return std::stoll(server.superuser_psql("SELECT pg_current_xact_id()"));
  };
  while (newest(server_) <= newest(restored)) continue;
  must_poll();
  keep("k");
  auto polled = feed_.poll(there, soon());
  ASSERT_TRUE(polled) << polled.error().to_string();
  EXPECT_FALSE(has("k"));
}

}  // namespace
}  // namespace syncnode::state
