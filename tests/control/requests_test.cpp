#include "control/requests.h"

#include <gtest/gtest.h>

namespace syncnode::control {
namespace {

TEST(Requests, ClientNames) {
  for (const char* good : {"acme", "A-b_9", "0"}) EXPECT_TRUE(check_client_name(good)) << good;
  for (const std::string& bad :
       {std::string(), std::string("a b"), std::string("../x"), std::string("a/b"), std::string("é"),
        std::string(57, 'a'), std::string("a\0b", 3), std::string("a'; --")}) {
    const auto checked = check_client_name(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument);
  }
}

// What a stranger sent comes back to terminals and logs.
TEST(Requests, ARefusalRepeatsNothingUnprintableAndNothingLong) {
  const auto checked = check_client_name("\x1b[2J" + std::string(100'000, 'x') + "\n");
  ASSERT_FALSE(checked);
  EXPECT_LT(checked.error().message.size(), 200u);
  EXPECT_EQ(checked.error().message.find('\x1b'), std::string::npos);
}

TEST(Requests, Ids) {
  EXPECT_TRUE(check_uuid("job", "43266280-5f3a-4672-8b9a-8b4090935c8f"));
  EXPECT_TRUE(check_uuid("job", "43266280-5F3A-4672-8B9A-8B4090935C8F"));
  for (const char* bad :
       {"", "1", "43266280x5f3a-4672-8b9a-8b4090935c8f", "43266280-5f3a-4672-8b9a-8b4090935c8",
        "43266280-5f3a-4672-8b9a-8b4090935c8g", "43266280-5f3a-4672-8b9a-8b4090935c8f "}) {
    EXPECT_FALSE(check_uuid("job", bad)) << bad;
  }
}

TEST(Requests, ATriggerIsOfOneKind) {
  const auto kind_of = [](bool full, bool verify) { return check_trigger({"acme", full, verify}); };
  EXPECT_EQ(*kind_of(false, false), JobKind::kSync);
  EXPECT_EQ(*kind_of(true, false), JobKind::kFullSync);
  EXPECT_EQ(*kind_of(false, true), JobKind::kVerify);
  const auto both = kind_of(true, true);
  ASSERT_FALSE(both);
  EXPECT_EQ(both.error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(check_trigger({"a b", false, true}));
  // What waits in sync_jobs is done by whoever leads next, as what it was asked for.
  for (const JobKind kind : {JobKind::kSync, JobKind::kFullSync, JobKind::kVerify})
    EXPECT_EQ(job_kind(to_string(kind)), kind);
  EXPECT_EQ(job_kind("manual"), JobKind::kSync);
}

TEST(Requests, BeginningsOfConflictIds) {
  for (const char* good :
       {"4326", "43266280", "43266280-", "43266280-5F3A-4", "43266280-5f3a-4672-8b9a-8b4090935c8f"})
    EXPECT_TRUE(check_conflict_id(good)) << good;
  for (const char* bad :
       {"", "432", "4326%", "432-6280", "432662805", "none", "43266280-5f3a-4672-8b9a-8b4090935c8f0"}) {
    const auto checked = check_conflict_id(bad);
    ASSERT_FALSE(checked) << bad;
    EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Requests, Limits) {
  EXPECT_TRUE(check_limit(1));
  EXPECT_TRUE(check_limit(1000));
  for (const int64_t bad : {int64_t{0}, int64_t{-1}, int64_t{1001}, INT64_MAX, INT64_MIN})
    EXPECT_FALSE(check_limit(bad));
}

TEST(Requests, Resolutions) {
  EXPECT_TRUE(check_choice({"", "source", ""}));
  EXPECT_TRUE(check_choice({"", "value", "{}"}));
  EXPECT_FALSE(check_choice({"", "value", ""}));
  EXPECT_FALSE(check_choice({"", "source", "{}"}));
  EXPECT_FALSE(check_choice({"", "both", ""}));
}

TEST(Requests, FiltersOfConflicts) {
  EXPECT_TRUE(check_filter({}));
  EXPECT_TRUE(check_filter({"acme", 5, true, "chat", "delete_conflict"}));
  EXPECT_FALSE(check_filter({"", 0}));
  EXPECT_FALSE(check_filter({"", 5, true, "", "delete"}));
  EXPECT_FALSE(check_filter({"", 5, true, std::string("chat\0x", 6)}));
}

TEST(Requests, ManyConflictsAreOfOneClientAndTakeNoValue) {
  for (const char* choice : {"source", "target", "merge"})
    EXPECT_TRUE(check_bulk({"acme", std::nullopt, std::nullopt, choice})) << choice;
  EXPECT_TRUE(check_bulk({"acme", "chat", "update_conflict", "source"}));
  for (const BulkResolution& bad :
       {BulkResolution{"", {}, {}, "source"}, BulkResolution{"a b", {}, {}, "source"},
        BulkResolution{"acme", "", {}, "source"},
        BulkResolution{"acme", std::string("t\0x", 3), {}, "source"},
        BulkResolution{"acme", {}, "update", "source"}, BulkResolution{"acme", {}, {}, "value"},
        BulkResolution{"acme", {}, {}, ""}, BulkResolution{"acme", {}, {}, "manual"}}) {
    const auto checked = check_bulk(bad);
    ASSERT_FALSE(checked) << bad.client_name << bad.choice;
    EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace syncnode::control
