// Every statement of sql/queries is known to a real server with the real schema: PostgreSQL parses and plans
// it. A template needs a sample value for each of its places, here.
#include "sql/queries.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "postgres/connection.h"
#include "support/private_postgres.h"

namespace syncnode::postgres {
namespace {

using namespace std::chrono_literals;

// Values for places, as "place", or as "query.place" where one query means something else by it.
const std::map<std::string, std::string> kSamples{
    {"schema", "client_sample"},
    {"table", "client_sample.sample"},
    {"table_name", "'sample'"},
    {"columns", "id, body"},
    {"keys", "id"},
    {"key", "id"},
    {"arrays", "$1::bigint[], $2::text[]"},
    {"action", "DO UPDATE SET body = excluded.body"},
    {"isolation", "READ COMMITTED"},
    {"statement_timeout", "1000"},
    {"lock_timeout", "1000"},
    {"idle_timeout", "1000"},
    {"synchronous_commit", "on"},
    {"plan_cache_mode", "auto"},
    {"sent_values",
     "sent.id, CASE WHEN stored.body::text = sent.body THEN stored.body ELSE sent.body::text END"},
    {"stored_match", "present.id = sent.id"},
    {"cluster", "'queries'"},
    {"host", "NULL"},
    {"leader", "'node-a'"},
    {"nonce", "'11111111-1111-4111-8111-111111111111'"},
    {"epoch", "1"},
    {"lease", "60"},
    {"renew_seq", "1"},
    {"seen", "1"},
    {"position", "'0/1'"},
    {"covered", "false"},
    {"covered_if_reached", "true"},
    {"lock", "FOR NO KEY UPDATE OF d"},
    {"match", "t.id = (i.image ->> 'id')::bigint"},
    {"present", "t.id IS NOT NULL"},
    {"image", "json_object(ARRAY['id', 'body']::text[], ARRAY[t.id::text, t.body::text])"},
    {"values", "(i.image ->> 'id')::bigint, (i.image ->> 'body')::text"},
    {"row_key", "'\\x01'::bytea || int8send(t.id)"},
    {"name", "'sample'"},
};

class QueriesTest : public ::testing::TestWithParam<sql::NamedQuery> {
 protected:
  static void SetUpTestSuite() {
    test::PrivatePostgres& server = test::PrivatePostgres::shared();
    const auto cluster = server.create_cluster("queries");
    server.admin_psql(
        "SELECT sync_metadata.register_client('queries', 'sample', NULL, '/srv/sample/webui.db', 300, '{}');"
        "CREATE TABLE client_sample.sample (id bigint PRIMARY KEY, body text)");
  }
  static Deadline soon() { return deadline_in(20s); }
  void SetUp() override {
    auto opened = Connection::open({test::PrivatePostgres::shared().admin_url(), "queries_test"}, soon());
    ASSERT_TRUE(opened) << opened.error().to_string();
    connection_.emplace(std::move(*opened));
  }

  static std::string filled(const sql::NamedQuery& query) {
    std::string text = query.text;
    for (size_t open = text.find('{'); open != std::string::npos; open = text.find('{', open)) {
      const size_t close = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", open + 1);
      if (close == open + 1 || close == std::string::npos || text[close] != '}') {
        ++open;  // a brace, not a place
        continue;
      }
      const std::string name = text.substr(open + 1, close - open - 1);
      auto sample = kSamples.find(std::string(query.name) + "." + name);
      if (sample == kSamples.end()) sample = kSamples.find(name);
      if (sample == kSamples.end())
        throw std::runtime_error("no sample for place '" + name + "' of " + query.name);
      text.replace(open, close - open + 1, sample->second);
      open += sample->second.size();
    }
    return text;
  }
  // PREPARE takes no COPY and no list of statements: those are run, in transactions that end with the
  // connection.
  Status try_out(const std::string& text) {
    if (text.rfind("LOCK", 0) == 0) {
      SN_ASSIGN(const Rows locked, connection_->simple("BEGIN;" + text, soon()));
      return {};
    }
    if (text.rfind("BEGIN", 0) == 0 || text.rfind("LISTEN", 0) == 0 || text.rfind("UNLISTEN", 0) == 0) {
      SN_ASSIGN(const Rows begun, connection_->simple(text, soon()));
      return {};
    }
    if (text.rfind("COPY", 0) == 0 && text.find("TO STDOUT") != std::string::npos) {
      return connection_->copy_out(
          text, [](std::string_view) { return Status(); }, soon());
    }
    if (text.rfind("COPY", 0) == 0) {
      SN_TRY(connection_->copy_in_begin(text, soon()));
      connection_->copy_in_abandon("only tried");
      return {};
    }
    SN_ASSIGN(const Rows prepared, connection_->simple("PREPARE tried AS " + text, soon()));
    return {};
  }

  std::optional<Connection> connection_;
};

TEST_P(QueriesTest, IsKnownToTheServer) {
  const std::string text = filled(GetParam());
  ASSERT_FALSE(text.starts_with("--")) << "the opening comment would travel with every call";
  Status tried = try_out(text);
  EXPECT_TRUE(tried) << tried.error().to_string() << "\n" << text;
}

INSTANTIATE_TEST_SUITE_P(All, QueriesTest, ::testing::ValuesIn(sql::kAllQueries),
                         [](const auto& query) { return std::string(query.param.name); });

}  // namespace
}  // namespace syncnode::postgres
