// Which writes of the lease row wait for the disk: all but a renewal whose loss would take nothing away.
#include <gtest/gtest.h>

#include "postgres/postgres_lease_store.h"
#include "support/private_postgres.h"

namespace syncnode {
namespace {

using namespace std::chrono_literals;

constexpr char kNonce[] = "11111111-1111-4111-8111-111111111111";

TEST(RenewalDurability, OnlyWhatTheRowOnTheDiskCoversIsNotWaitedFor) {
  const auto& server = test::PrivatePostgres::shared();
  const auto cluster = test::PrivatePostgres::shared().create_cluster("durable");
  postgres::PostgresLeaseStore store({cluster.url, "durability_test"},
                                     {cluster.name, "node-a", "", kNonce, 0, "host/node-a", "{}"});
  const auto soon = [] { return deadline_in(10s); };
  // Of the last exchange of the store's connection: which setting it made.
  const auto waits = [&] {
    const std::string said = server.superuser_psql(
        "SELECT substring(query FROM 'synchronous_commit = (\\w+)') FROM pg_stat_activity"
        " WHERE application_name = 'durability_test'");
    EXPECT_TRUE(said == "on" || said == "off") << said;
    return said == "on";
  };
  const auto taken = store.acquire(20s, soon());
  ASSERT_TRUE(taken && *taken);
  const Term term = (*taken)->term;
  ASSERT_TRUE(store.renew(term, 20s, soon()));
  EXPECT_FALSE(waits()) << "the row on the disk runs as long as anybody acts on this renewal";
  // A longer lease: its holder would act for 45 s, the row on the disk ends after 20.
  ASSERT_TRUE(store.renew(term, 60s, soon()));
  EXPECT_TRUE(waits());
  ASSERT_TRUE(store.renew(term, 60s, soon()));
  EXPECT_FALSE(waits());
  // A lease of 70 s: the one of 60 s on the disk covers the 52.5 s its holder would act, one of 85 s (63.75)
  // not, however far the renewals since that did not wait have moved the row.
  ASSERT_TRUE(store.renew(term, 70s, soon()));
  EXPECT_FALSE(waits());
  ASSERT_TRUE(store.renew(term, 85s, soon()));
  EXPECT_TRUE(waits());
  // Another store of the same term does not know what the row said before.
  postgres::PostgresLeaseStore other({cluster.url, "durability_test"},
                                     {cluster.name, "node-a", "", kNonce, 0, "host/node-a", "{}"});
  ASSERT_TRUE(other.renew(term, 60s, soon()));
  EXPECT_EQ(server.superuser_psql(
                "SELECT substring(query FROM 'synchronous_commit = (\\w+)') FROM pg_stat_activity"
                " WHERE application_name = 'durability_test' ORDER BY backend_start DESC LIMIT 1"),
            "on");
}

}  // namespace
}  // namespace syncnode
