#include "deploy/project.h"

#include <gtest/gtest.h>

namespace syncnode::deploy {
namespace {

using config::masked_url;
using config::to_url;

config::DatabaseUrl parsed(const std::string& text) {
  auto url = config::parse_database_url(text);
  EXPECT_TRUE(url) << text;
  return url ? std::move(*url) : config::DatabaseUrl{};
}

TEST(Project, WritesBothWaysWithTheirUsers) {
  const Project project{"abcdefghijklmnop", "aws-0-eu-west-1"};
  EXPECT_EQ(to_url(direct_url(project, "postgres", "p@ss")),
            "postgresql://postgres:p%40ss@db.abcdefghijklmnop.supabase.co:5432/postgres?sslmode=require");
  EXPECT_EQ(to_url(pooler_url(project, "sync_service", "p")),
            "postgresql://sync_service.abcdefghijklmnop:p@aws-0-eu-west-1.pooler.supabase.com:5432/postgres?"
            "sslmode=require");
}

TEST(Project, AWayThatIsMadeUpDemandsOfTlsWhatTheGivenOneDoes) {
  const Project project{"ref", "region"};
  const auto asked = [&](const std::string& parameters) {
    const auto given = parsed("postgresql://postgres@db.ref.supabase.co/postgres?" + parameters);
    const auto direct = direct_url(project, "role", "p", given),
               pooler = pooler_url(project, "role", "p", given);
    EXPECT_EQ(direct.parameters, pooler.parameters);
    const auto url = to_url(direct);
    return url.substr(url.find('?') + 1);
  };
  EXPECT_EQ(asked("sslmode=verify-full&sslrootcert=%2Fca"), "sslmode=verify-full&sslrootcert=%2Fca");
  EXPECT_EQ(asked("sslcert=%2Fc&sslkey=%2Fk&sslpassword=x&connect_timeout=3&sslmode=verify-ca"),
            "sslmode=verify-ca");
  for (const char* weak : {"sslmode=disable", "sslmode=allow", "sslmode=prefer", "application_name=x"})
    EXPECT_EQ(asked(weak), "sslmode=require") << weak;
}

TEST(Project, AUrlToSupabaseThatSaysNothingOfTlsDemandsIt) {
  for (const char* url : {"postgresql://postgres@db.abc.supabase.co/postgres",
                          "postgresql://postgres@aws-0-eu-west-1.pooler.supabase.com/postgres"})
    EXPECT_EQ(to_url(with_tls(parsed(url))), std::string(url) + "?sslmode=require");
  for (const char* url : {"postgresql://postgres@db.abc.supabase.co/postgres?sslmode=verify-full",
                          "postgresql://postgres@db.abc.supabase.co/postgres?sslmode=disable",
                          "postgresql://admin@127.0.0.1:5432/sync"})
    EXPECT_EQ(to_url(with_tls(parsed(url))), url);
}

TEST(Project, EveryPasswordComesBackOutOfItsUrl) {
  std::string all = "ÄöüßéÅ 日本語 🔑 \u00a0";
  for (char c = ' '; c < '\x7f'; ++c) all += c;
  const Project project{"ref", "region"};
  for (const auto& url : {direct_url(project, "postgres", all), pooler_url(project, "postgres", all)}) {
    const auto again = parsed(to_url(url));
    EXPECT_EQ(again.password, all);
    EXPECT_EQ(again.hosts[0].name, url.hosts[0].name);
    EXPECT_EQ(masked_url(url).find("%C3"), std::string::npos);
  }
}

TEST(Project, IsFoundInAUrl) {
  const auto direct = project_of(parsed("postgresql://postgres@db.abc.supabase.co:5432/postgres"));
  EXPECT_EQ(direct.ref, "abc");
  EXPECT_EQ(direct.region, kSelfHosted);
  const auto pooler =
      project_of(parsed("postgresql://postgres.abc@aws-1-us-east-2.pooler.supabase.com/postgres"));
  EXPECT_EQ(pooler.ref, "abc");
  EXPECT_EQ(pooler.region, "aws-1-us-east-2");
  EXPECT_FALSE(project_of(parsed("postgresql://postgres@db.supabase.co/postgres")).is_supabase());
  EXPECT_FALSE(project_of(parsed("postgresql://admin@127.0.0.1/sync")).is_supabase());
}

TEST(Project, AnotherRoleGoesTheSameWayWithoutWhatProvesTheAdmin) {
  const auto admin = parsed(
      "postgresql://admin:secret@[::1]:5433/"
      "sync?sslmode=verify-full&sslrootcert=%2Fca&sslkey=%2Fk&sslcert=%2Fc&"
      "sslpassword=word&options=-crole%3Dx");
  EXPECT_EQ(to_url(url_for(admin, "sync_service", "own")),
            "postgresql://sync_service:own@[::1]:5433/sync?sslmode=verify-full&sslrootcert=%2Fca");
  const auto pooler = parsed("postgresql://postgres.abc:x@aws-0-eu-west-1.pooler.supabase.com:5432/postgres");
  EXPECT_EQ(url_for(pooler, "sync_service_b", "own").user, "sync_service_b.abc");
}

TEST(Project, ATenantThatIsNotFoundIsExplainedWithTheRightUser) {
  const Error refusal{ErrorCode::kFailedPrecondition, "FATAL: Tenant or user not found", ""};
  const auto bare =
      parsed("postgresql://postgres:secret-word@aws-0-eu-west-1.pooler.supabase.com:5432/postgres");
  const Error told = explain_tenant(refusal, bare, {"abc", "aws-0-eu-west-1"});
  EXPECT_NE(told.hint.find("postgresql://postgres.abc:***@aws-0-eu-west-1.pooler.supabase.com:5432/postgres"),
            std::string::npos)
      << told.hint;
  EXPECT_EQ(told.hint.find("secret-word"), std::string::npos);
  EXPECT_NE(explain_tenant(refusal, bare, {kSelfHosted, kSelfHosted}).hint.find("postgres.PROJECT_REF"),
            std::string::npos);
  const auto wrong = explain_tenant(refusal, pooler_url({"abd", "aws-0-eu-west-1"}, "postgres", "x"),
                                    {"abd", "aws-0-eu-west-1"});
  EXPECT_NE(wrong.hint.find("does not know 'postgres.abd'"), std::string::npos) << wrong.hint;
  EXPECT_EQ(explain_tenant({ErrorCode::kUnavailable, "no route", "h"}, bare, {"abc", "x"}).hint, "h");
}

TEST(Project, WordsAreLabelsOfAHostName) {
  for (const char* word : {"abc123xyz", "aws-0-us-east-1", "a"}) EXPECT_TRUE(is_project_word(word)) << word;
  for (const char* word : {"", "-a", "A", "a.b", "a/b", "a@b", "ä"})
    EXPECT_FALSE(is_project_word(word)) << word;
}

TEST(Project, PasswordsAreNeverTheSame) {
  const auto first = generated_password(), second = generated_password();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->size(), 48U);
  EXPECT_NE(*first, *second);
}

}  // namespace
}  // namespace syncnode::deploy
