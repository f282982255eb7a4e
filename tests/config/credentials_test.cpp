#include "config/credentials.h"

#include <gtest/gtest.h>

#include "temporary_file.h"

namespace syncnode::config {
namespace {

constexpr char kWhole[] =
    "SUPABASE_PROJECT_REF=abc123xyz         # Project reference ID\n"
    "SUPABASE_REGION=aws-0-us-east-1\n"
    "SYNC_SERVICE_PASSWORD='p@ss w$rd'\n"
    "ADMIN_URL=postgresql://postgres:a%40b@db.abc123xyz.supabase.co:5432/postgres\n"
    "SYNC_URL=postgresql://sync_service:p%40ss%20w%24rd@db.abc123xyz.supabase.co:5432/postgres\n";

TEST(Credentials, HoldExactlyFiveNames) {
  auto read = parse_credentials(kWhole, "f");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->supabase_project_ref, "abc123xyz");
  EXPECT_EQ(read->sync_service_password, "p@ss w$rd");

  auto wrong = parse_credentials("SUPABASE_REGION=x\nADMIN_URL=nonsense\nMORE=1\n", "f");
  ASSERT_FALSE(wrong);
  for (const char* part :
       {"sets 'MORE'", "does not set SUPABASE_PROJECT_REF", "does not set SYNC_SERVICE_PASSWORD",
        "does not set SYNC_URL", "ADMIN_URL in f: database URL"}) {
    EXPECT_NE(wrong.error().message.find(part), std::string::npos) << part << wrong.error().message;
  }
}

TEST(Credentials, AreRefusedWhenOthersCanReadThem) {
  TemporaryFile file(kWhole, 0640);
  auto read = read_credentials(file.path());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(read.error().hint, "chmod 600 '" + file.path() + "'");
}

TEST(AdminUrl, ComesFromTheCredentialsWhenNothingElseIsGiven) {
  TemporaryFile file(kWhole);
  auto url = find_admin_url({"", "", file.path()});
  ASSERT_TRUE(url);
  EXPECT_EQ(*url, "postgresql://postgres:a%40b@db.abc123xyz.supabase.co:5432/postgres");
}

TEST(AdminUrl, IsRefusedWithAPasswordOnTheCommandLine) {
  for (const char* text : {"postgresql://postgres:secret@h/d", "postgresql://postgres@h/d?password=secret",
                           "postgresql://postgres@h/d?sslpassword=secret"}) {
    auto url = find_admin_url({text, "", "/nonexistent"});
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(url.error().to_string().find("secret"), std::string::npos);
  }
  EXPECT_TRUE(find_admin_url({"postgresql://postgres@h/d", "", "/nonexistent"}));
}

TEST(AdminUrl, FileHoldsOneUrlForItsOwnerOnly) {
  TemporaryFile good("# admin\npostgresql://postgres:secret@h/d\n");
  EXPECT_EQ(*find_admin_url({"", good.path(), ""}), "postgresql://postgres:secret@h/d");
  TemporaryFile open("postgresql://postgres:secret@h/d\n", 0644);
  EXPECT_EQ(find_admin_url({"", open.path(), ""}).error().code, ErrorCode::kFailedPrecondition);
  TemporaryFile harmless("postgresql://postgres@%2Frun/d\n", 0644);
  EXPECT_TRUE(find_admin_url({"", harmless.path(), ""}));
  TemporaryFile two("postgresql://a@h/d\npostgresql://b@h/d\n");
  EXPECT_FALSE(find_admin_url({"", two.path(), ""}));
  TemporaryFile empty("\n");
  EXPECT_FALSE(find_admin_url({"", empty.path(), ""}));
  EXPECT_FALSE(find_admin_url({"postgresql://a@h/d", good.path(), ""}));
  EXPECT_EQ(find_admin_url({"", "/nonexistent/x", ""}).error().code, ErrorCode::kNotFound);
}

TEST(AdminUrl, MissingSaysHowToGiveIt) {
  auto url = find_admin_url({"", "", "/nonexistent/.credentials"});
  ASSERT_FALSE(url);
  EXPECT_NE(url.error().hint.find("--admin-url-file"), std::string::npos);
}

}  // namespace
}  // namespace syncnode::config
