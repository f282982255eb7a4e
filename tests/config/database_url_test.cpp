#include "config/database_url.h"

#include <gtest/gtest.h>

#include <random>

namespace syncnode::config {
namespace {

DatabaseUrl parsed(std::string_view text) {
  auto url = parse_database_url(text);
  if (!url) ADD_FAILURE() << text << ": " << url.error().to_string();
  return url ? *url : DatabaseUrl{};
}

TEST(DatabaseUrl, ReadsADirectConnection) {
  auto url =
      parsed("postgresql://sync_service:p%40ss%3A%2F@db.abc.supabase.co:5432/postgres?sslmode=require");
  EXPECT_EQ(url.user, "sync_service");
  EXPECT_EQ(url.password, "p@ss:/");
  ASSERT_EQ(url.hosts.size(), 1u);
  EXPECT_EQ(url.hosts[0].name, "db.abc.supabase.co");
  EXPECT_EQ(url.hosts[0].port, "5432");
  EXPECT_EQ(url.database, "postgres");
  EXPECT_EQ(url.parameters.at(0), (std::pair<std::string, std::string>("sslmode", "require")));
  EXPECT_FALSE(url.through_supabase_pooler());
  EXPECT_EQ(url.login_role(), "sync_service");
}

TEST(DatabaseUrl, KnowsTheRoleBehindAPooler) {
  auto url = parsed("postgres://sync_service_h2.abcref:x@aws-1-us-east-2.pooler.supabase.com:5432/postgres");
  EXPECT_TRUE(url.through_supabase_pooler());
  EXPECT_EQ(url.login_role(), "sync_service_h2");
  EXPECT_EQ(parsed("postgresql://first.last@localhost/db").login_role(), "first.last");
}

TEST(DatabaseUrl, ReadsSocketsIpv6AndSeveralHosts) {
  EXPECT_EQ(parsed("postgresql://u@%2Frun%2Fpg/db").hosts.at(0).name, "/run/pg");
  auto ipv6 = parsed("postgresql://u@[fd00::1]:6543/db");
  EXPECT_EQ(ipv6.hosts.at(0).name, "fd00::1");
  EXPECT_EQ(ipv6.hosts.at(0).port, "6543");
  EXPECT_EQ(parsed("postgresql://u@one:1,two:2/db").hosts.size(), 2u);
  auto socket = parsed("postgresql:///db?host=/run/pg&user=me&password=secret");
  EXPECT_EQ(socket.user, "me");
  EXPECT_EQ(socket.password, "secret");
  EXPECT_TRUE(socket.hosts.empty());
}

TEST(DatabaseUrl, MasksEverySecret) {
  EXPECT_EQ(masked_url(parsed("postgresql://u:secret@h:1/d")), "postgresql://u:***@h:1/d");
  EXPECT_EQ(masked_url(parsed("postgresql:///d?password=secret&sslpassword=key")),
            "postgresql://:***@/d?sslpassword=***");
  EXPECT_TRUE(parsed("postgresql:///d?sslpassword=key").holds_secret());
  EXPECT_FALSE(parsed("postgresql://u:@h/d").holds_secret());
}

TEST(DatabaseUrl, RefusesWhatItWouldMisread) {
  for (const char* text : {"", "postgres", "mysql://u@h/d", "postgresql://u:p@ss@h/d",
                           "postgresql://u:p%zz@h/d", "postgresql://u:p%@h/d", "postgresql://u:p%00@h/d",
                           "postgresql://u@h:0/d", "postgresql://u@h:99999/d", "postgresql://u@h:x/d",
                           "postgresql://u@[::1/d", "postgresql://u@[]/d", "postgresql://u@[::1]x/d",
                           "postgresql://u@h/d/e", "postgresql://u@h/d?novalue", "postgresql://u@h/d?=x",
                           "postgresql://u:a b@h/d", "postgresql://u:a#b@h/d", "postgresql://u:a\nb@h/d"}) {
    auto url = parse_database_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, ErrorCode::kInvalidArgument) << text;
    EXPECT_FALSE(url.error().hint.empty()) << text;
  }
}

TEST(DatabaseUrl, CarriesEveryByteOfAPassword) {
  DatabaseUrl url;
  url.user = "sync.user@x";
  url.hosts.push_back({"h", "5432"});
  url.database = "d b";
  std::string password;
  for (int byte = 1; byte < 256; ++byte) password.push_back(static_cast<char>(byte));
  url.password = password;
  auto again = parsed(to_url(url));
  EXPECT_EQ(again.password, password);
  EXPECT_EQ(again.user, url.user);
  EXPECT_EQ(again.database, url.database);
  EXPECT_EQ(percent_encode("ü"), "%C3%BC");
}

TEST(DatabaseUrl, NeverRepeatsASecretOfMalformedText) {
  std::mt19937 random(11);
  const std::string whole = "postgresql://user:hunter2hunter2@host.example:5432/postgres?sslmode=require";
  const std::string noise =
      "@:/?%#[]&= ,\n\x01\xff"
      "0aZ";
  for (int i = 0; i < 50000; ++i) {
    std::string text = whole;
    for (size_t edits = 1 + random() % 4; edits > 0; --edits) {
      size_t at = random() % text.size();
      if (at >= 18 && at < 32) continue;  // the secret itself stays
      if (random() % 2 == 0)
        text[at] = noise[random() % noise.size()];
      else
        text.insert(at, 1, noise[random() % noise.size()]);
    }
    auto url = parse_database_url(text);
    if (url) {
      auto again = parse_database_url(to_url(*url));
      ASSERT_TRUE(again) << text;
      EXPECT_EQ(to_url(*again), to_url(*url)) << text;
    } else {
      EXPECT_EQ(url.error().to_string().find("hunter2"), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace syncnode::config
