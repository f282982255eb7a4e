// Views survive the way to a{sv} and back; what is unknown stays unknown; options are strict.
#include "bus/values.h"

#include <gtest/gtest.h>

namespace syncnode::bus {
namespace {

TEST(Values, HealthComesBack) {
  control::HealthView view;
  view.status = control::HealthWord::kDegraded;
  view.reasons = {"one", "two \xFF"};
  view.leadership.leader_id = "openwebui-sync-node-b";
  view.leadership.epoch = 7;
  view.leadership.lease_seconds_left = 12.5;
  view.clients = 0;
  view.worst_lag_seconds = 1.25;
  view.jobs_running = 3;
  const Dict dict = to_dict(view);
  EXPECT_EQ(dict.count("clients_failing"), 0U) << "an unknown number is no number";
  EXPECT_EQ(dict.count("worst_lag_client"), 0U);
  EXPECT_EQ(dict.at("clients").get<int64_t>(), 0);

  const auto back = from_dict<control::HealthView>(dict);
  EXPECT_EQ(back.status, control::HealthWord::kDegraded);
  EXPECT_EQ(back.reasons, (std::vector<std::string>{"one", "two \uFFFD"}));
  EXPECT_EQ(back.leadership.leader_id, "openwebui-sync-node-b");
  EXPECT_EQ(back.leadership.epoch, 7);
  EXPECT_EQ(back.leadership.lease_seconds_left, 12.5);
  EXPECT_EQ(back.leadership.lease_expires_usec, std::nullopt);
  EXPECT_EQ(back.clients, 0);
  EXPECT_EQ(back.clients_held, std::nullopt);
  EXPECT_EQ(back.worst_lag_seconds, 1.25);
  EXPECT_EQ(back.jobs_running, 3);
}

TEST(Values, JobComesBackWithItsTables) {
  control::JobView view;
  view.job_id = "j";
  view.seconds = 0.5;
  view.tables.resize(2);
  view.tables[0].table_name = "chat";
  view.tables[0].rows_total = 9;
  view.tables[1].table_name = "user";
  const auto back = from_dict<control::JobView>(to_dict(view));
  EXPECT_EQ(back.job_id, "j");
  EXPECT_EQ(back.seconds, 0.5);
  EXPECT_EQ(back.rows_synced, std::nullopt);
  ASSERT_EQ(back.tables.size(), 2U);
  EXPECT_EQ(back.tables[0].rows_total, 9);
  EXPECT_EQ(back.tables[1].table_name, "user");
}

TEST(Values, AReportIsATextAndAnAbsentOneNoKey) {
  control::JobView view;
  EXPECT_EQ(to_dict(view).count("report"), 0U);
  view.report = R"({"equal":true})";
  EXPECT_EQ(from_dict<control::JobView>(to_dict(view)).report, view.report);
}

TEST(Options, AVerifyIsSaidOnlyWhenItIsWanted) {
  EXPECT_EQ(to_dict(TriggerOptions{}).count("verify"), 0U) << "an older node would refuse a sync for it";
  TriggerOptions options;
  EXPECT_TRUE(read_options({{"verify", sdbus::Variant(true)}}, options).has_value());
  EXPECT_EQ(options.verify, true);
}

TEST(Values, UnknownKeysOfANewerNodeArePassedOver) {
  const auto view = from_dict<control::DeploymentView>({{"client_name", sdbus::Variant("acme")},
                                                        {"new_key", sdbus::Variant(1)},
                                                        {"held", sdbus::Variant("many")}});
  EXPECT_EQ(view.client_name, "acme");
  EXPECT_EQ(view.held, 0);
}

TEST(Options, TakeAnyIntegerType) {
  for (const auto& limit : {sdbus::Variant(int32_t{5}), sdbus::Variant(uint32_t{5}),
                            sdbus::Variant(int64_t{5}), sdbus::Variant(uint64_t{5})}) {
    control::ConflictFilter filter;
    EXPECT_TRUE(read_options({{"limit", limit}}, filter).has_value());
    EXPECT_EQ(filter.limit, 5);
  }
}

TEST(Options, UnknownOnesAndWrongTypesAreRefused) {
  TriggerOptions options;
  const Status unknown = read_options({{"ful", sdbus::Variant(true)}}, options);
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(unknown.error().message, "there is no option 'ful'");
  EXPECT_EQ(unknown.error().hint, "known: full, verify");
  const Status wrong = read_options({{"full", sdbus::Variant("yes")}}, options);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().message, "option 'full' is of type 's', wanted 'b'");
}

}  // namespace
}  // namespace syncnode::bus
