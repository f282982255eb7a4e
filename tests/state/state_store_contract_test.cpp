// What every StateStore must do, run against PostgreSQL and against the fake alike.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "fakes/fake_state_store.h"
#include "postgres/postgres_lease_store.h"
#include "state/postgres_state_store.h"
#include "support/private_postgres.h"

namespace syncnode::state {
namespace {

using namespace std::chrono_literals;
using postgres::Connection;
using test::PrivatePostgres;

constexpr char kLeader[] = "openwebui-sync-node-a";
constexpr char kNonce[] = "11111111-1111-4111-8111-111111111111";

Deadline soon() {
  return deadline_in(20s);
}

class InMemory {
 public:
  StateStore& store() { return store_; }
  Term term() const { return {"host-1", kLeader, kNonce, 1}; }
  std::string client() {
    store_.add_client("acme");
    return "acme";
  }
  void take_over() { store_.take_over(); }

 private:
  test::FakeStateStore store_{{"host-1", kLeader, kNonce, 1}};
};

class InPostgres {
 public:
  InPostgres()
      : number_(std::to_string(++count_)),
        cluster_(PrivatePostgres::shared().create_cluster("state-" + number_)) {
    postgres::PostgresLeaseStore lease({cluster_.url, "state_test"}, {cluster_.name, kLeader, "", kNonce, 0});
    auto granted = lease.acquire(60s, soon());
    if (!granted || !*granted) throw std::runtime_error("no lease");
    term_ = (*granted)->term;
  }
  StateStore& store() { return store_; }
  Term term() const { return term_; }
  std::string client() {
    std::string name = "acme " + number_;
    PrivatePostgres::shared().admin_psql("SELECT sync_metadata.register_client('" + cluster_.name + "', '" +
                                         name + "', NULL, '/srv/webui.db', 300, '{\"b\": 1, \"a\": [2]}')");
    return name;
  }
  void take_over() {
    PrivatePostgres::shared().superuser_psql(
        "UPDATE sync_metadata.leader_election SET epoch = epoch + 1, term_nonce = gen_random_uuid() WHERE "
        "cluster_name = '" +
        cluster_.name + "'");
  }
  PrivatePostgres::Cluster cluster() const { return cluster_; }

 private:
  Result<Connection*> connection(Deadline deadline) {
    if (!connection_) {
      SN_ASSIGN(Connection opened, Connection::open({cluster_.url, "state_test"}, deadline));
      connection_.emplace(std::move(opened));
    }
    return &*connection_;
  }

  static inline int count_ = 0;
  const std::string number_;
  const PrivatePostgres::Cluster cluster_;
  Term term_;
  std::optional<Connection> connection_;
  PostgresStateStore store_{[this](Deadline deadline) { return connection(deadline); }, cluster_.name};
};

template <typename World>
class StateStoreContract : public ::testing::Test {
 protected:
  Result<StateRecord> get(const std::string& key) { return world_.store().get(key, soon()); }
  Result<StateRecord> put(const std::string& key, std::string value, std::optional<int64_t> if_version = {}) {
    return world_.store().put(world_.term(), {key, std::move(value), "a test", if_version}, soon());
  }
  int64_t version(const std::string& key) {
    auto stored = get(key);
    return stored ? stored->version : 0;
  }

  World world_;
};

using Worlds = ::testing::Types<InMemory, InPostgres>;
TYPED_TEST_SUITE(StateStoreContract, Worlds);

TYPED_TEST(StateStoreContract, AValueComesBackAsItWasGivenWithItsVersion) {
  EXPECT_EQ(this->get("k").error().code, ErrorCode::kNotFound);
  const std::string value = "{\"b\": 1.0,  \"a\":[null, \"ü\\u0041 '\\\"\"]}";
  auto written = this->put("k", value);
  ASSERT_TRUE(written) << written.error().to_string();
  EXPECT_EQ(written->value, value);
  EXPECT_EQ(written->version, 1);
  EXPECT_EQ(written->updated_at.size(), std::string("2025-10-10T12:00:00Z").size());
  auto read = this->get("k");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->value, value);
  EXPECT_EQ(read->version, 1);
  EXPECT_EQ(this->put("k", value)->version, 2) << "the same value again is a write too";
}

TYPED_TEST(StateStoreContract, AVersionIsReplacedOnlyByWhoKnowsIt) {
  ASSERT_TRUE(this->put("k", "1", 0));
  ASSERT_TRUE(this->put("k", "2", 1));
  auto stale = this->put("k", "3", 1);
  ASSERT_FALSE(stale);
  EXPECT_EQ(stale.error().code, ErrorCode::kAborted);
  EXPECT_EQ(stale.error().message, "state 'k' has version 2, not 1");
  EXPECT_EQ(this->put("k", "3", 0).error().message,
            "state 'k' exists with version 2, version 0 (none) was expected");
  EXPECT_EQ(this->put("new", "1", 7).error().message, "state 'new' does not exist, version 7 was expected");
  EXPECT_EQ(this->get("k")->value, "2");
  EXPECT_EQ(this->version("new"), 0);
  EXPECT_TRUE(this->put("k", "3"));
}

TYPED_TEST(StateStoreContract, AWriteAfterTheTermIsOverChangesNothing) {
  const std::string key = "deployment." + this->world_.client();
  ASSERT_TRUE(this->put("k", "1"));
  this->world_.take_over();
  EXPECT_EQ(this->put("k", "2").error().code, ErrorCode::kFenced);
  EXPECT_EQ(this->put("new", "2").error().code, ErrorCode::kFenced);
  EXPECT_EQ(this->put(key, R"({"sync_enabled":true})").error().code, ErrorCode::kFenced);
  EXPECT_EQ(this->get("k")->value, "1");
  EXPECT_EQ(this->version("new"), 0);
  EXPECT_EQ(this->version(key), 1);
}

TYPED_TEST(StateStoreContract, AClientIsShownWholeAndChangedInPart) {
  const std::string client = this->world_.client();
  const std::string key = "deployment." + client;
  auto shown = this->get(key);
  ASSERT_TRUE(shown) << shown.error().to_string();
  EXPECT_EQ(shown->version, 1);
  auto document = json::parse(shown->value);
  ASSERT_TRUE(document);
  EXPECT_EQ((*document)["client_name"], client);
  EXPECT_EQ((*document)["sync_enabled"], false);
  EXPECT_EQ((*document)["sync_interval"], 300);
  EXPECT_EQ((*document)["status"], "active");
  EXPECT_TRUE((*document)["config"].is_object());

  auto changed = this->put(key, R"({"sync_enabled":true,"sync_interval":60})", 1);
  ASSERT_TRUE(changed) << changed.error().to_string();
  EXPECT_EQ(changed->version, 2);
  (*document)["sync_enabled"] = true;
  (*document)["sync_interval"] = 60;
  EXPECT_EQ(*json::parse(changed->value), *document);
  EXPECT_EQ(this->get(key)->value, changed->value);

  (*document)["status"] = "paused";
  auto edited = this->put(key, json::to_text(*document), 2);
  ASSERT_TRUE(edited) << edited.error().to_string();
  EXPECT_EQ(edited->version, 3);
  EXPECT_EQ(this->put(key, json::to_text(*document))->version, 3) << "nothing to change";
  EXPECT_EQ(this->put(key, "{}")->version, 3);

  auto resumed = this->put(key, R"({"sync_enabled":true})");
  ASSERT_TRUE(resumed) << resumed.error().to_string();
  EXPECT_EQ(resumed->version, 4);
  EXPECT_EQ((*json::parse(resumed->value))["status"], "active")
      << "a paused client that is enabled is resumed";
}

TYPED_TEST(StateStoreContract, WhatAClientDoesNotLetChangeIsRefused) {
  const std::string key = "deployment." + this->world_.client();
  EXPECT_EQ(this->put(key, R"({"config":{"x":1}})").error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(this->put(key, R"({"sync_enabled":true,"surprise":1})").error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(this->put(key, R"({"client_name":"other"})").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(this->put(key, R"({"sync_enabled":true})", 2).error().code, ErrorCode::kAborted);
  EXPECT_EQ(this->version(key), 1);
  for (const char* nobody : {"deployment.nobody", "deployment.';--"}) {
    EXPECT_EQ(this->get(nobody).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(this->put(nobody, R"({"sync_enabled":true})").error().code, ErrorCode::kNotFound);
  }
}

TEST(PostgresStateStore, AnotherHostsValuesAndClientsAreNotThere) {
  InPostgres mine, other;
  const std::string client = "deployment." + other.client();
  ASSERT_TRUE(other.store().put(other.term(), {"secret", "1", "x", {}}, soon()));
  for (const std::string& key : {client, std::string("secret")}) {
    EXPECT_EQ(mine.store().get(key, soon()).error().code, ErrorCode::kNotFound) << key;
  }
  EXPECT_EQ(mine.store().put(other.term(), {"k", "1", "x", {}}, soon()).error().code, ErrorCode::kFenced);
}

TEST(PostgresStateStore, OfManyWritersOfOneVersionOneWins) {
  InPostgres world;
  ASSERT_TRUE(world.store().put(world.term(), {"k", "0", "x", {}}, soon()));
  std::atomic<int> winners{0}, losers{0};
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        auto opened = Connection::open({world.cluster().url, "state_test"}, soon());
        ASSERT_TRUE(opened);
        PostgresStateStore store([&](Deadline) -> Result<Connection*> { return &*opened; },
                                 world.cluster().name);
        auto written = store.put(world.term(), {"k", "1", "x", 1}, soon());
        if (written) ++winners;
        if (!written && written.error().code == ErrorCode::kAborted) ++losers;
      });
    }
  }
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(losers, 3);
  EXPECT_EQ(world.store().get("k", soon())->version, 2);
}

}  // namespace
}  // namespace syncnode::state
