#include "cli/jobs_page.h"

#include <gtest/gtest.h>

#include "cli/node_documents.h"
#include "oneshot/followed_job.h"
#include "oneshot/quiet_progress.h"
#include "sync/verify_report.h"

namespace syncnode::cli {
namespace {

using control::JobView;

constexpr double kNow = 1760097660;  // 2025-10-10T12:01:00Z

JobView job(const char* status) {
  JobView view;
  view.job_id = "3f2b8c1e-0000-4000-8000-000000000000";
  view.client_name = "acme";
  view.status = status;
  view.sync_type = "incremental";
  view.triggered_by = "scheduled";
  view.started_at = "2025-10-10T12:00:00Z";
  view.seconds = 0.42;
  view.rows_synced = 1234;
  view.tables_total = 31;
  return view;
}

TEST(JobsPage, ShowsTheNewestFirstAndWhyOneFailed) {
  auto failed = job("failed");
  failed.error = "no such table: chat";
  auto waits = job("pending");
  waits.started_at.clear();
  waits.seconds.reset();
  waits.rows_synced.reset();
  EXPECT_EQ(jobs_page({waits, failed, job("success")}, kNow, {false, 120}),
            R"(JOB       CLIENT  RESULT   KIND         STARTED     TOOK   ROWS  WHY
3f2b8c1e  acme    pending  incremental  not yet        –      –
3f2b8c1e  acme    failed   incremental  60 s ago  0.42 s  1,234  no such table: chat
3f2b8c1e  acme    success  incremental  60 s ago  0.42 s  1,234
)");
}

TEST(JobsPage, ServerTimesAreReadStrictly) {
  EXPECT_EQ(seconds_of("2025-10-10T12:01:00Z"), kNow);
  for (const char* wrong : {"", "2025-10-10", "2025-10-10T12:01:00", "2025-10-10T12:01:00Zz"})
    EXPECT_FALSE(seconds_of(wrong)) << wrong;
}

TEST(JobPage, SaysWhatIsKnown) {
  auto one = job("held");
  one.rows_held = 3;
  one.tables.push_back({"chat", "held", 500, 500, 1, 2, 0, 3, 0});
  const std::string page = job_page(one, kNow, {});
  EXPECT_NE(page.find("job  3f2b8c1e-0000-4000-8000-000000000000\n"), std::string::npos) << page;
  EXPECT_NE(page.find("chat"), std::string::npos);
  EXPECT_NE(sync_page(one, {}).find("sync-nodectl held list acme"), std::string::npos);
  EXPECT_EQ(job_document(one)["bytes_transferred"], nullptr);
  EXPECT_EQ(sync_document(one)["held"], true);
  EXPECT_EQ(sync_document(one)["rows_total"], nullptr);
}

TEST(JobPage, ShowsWhatAVerifyFound) {
  auto one = job("differs");
  one.sync_type = "verify";
  EXPECT_EQ(job_document(one)["report"], nullptr);
  sync::VerifyReport report;
  sync::TableVerdict chat;
  chat.name = "chat";
  chat.source_rows = chat.copy_rows = 2;
  chat.source_hash = "00";
  chat.copy_hash = "11";
  chat.differing = {"chat id='c1': differs"};
  chat.differing_total = 1;
  report.tables.push_back(chat);
  one.report = *sync::report_text(report);
  const std::string page = job_page(one, kNow, {});
  EXPECT_NE(page.find("chat id='c1': differs"), std::string::npos) << page;
  EXPECT_NE(page.find("acme: the copy DIFFERS from the source in 1 tables"), std::string::npos) << page;
  EXPECT_EQ(job_document(one)["report"]["tables"][0]["rows_differing"], 1);
}

// What a node answers, one after the other; the last for ever.
class Answers {
 public:
  explicit Answers(std::vector<Result<JobView>> all) : all_(std::move(all)) {}
  Result<JobView> operator()() { return all_[std::min(at_++, all_.size() - 1)]; }
  size_t asked() const { return at_; }

 private:
  std::vector<Result<JobView>> all_;
  size_t at_ = 0;
};

TEST(FollowJob, GoesOnThroughAFailoverToTheEnd) {
  const Error gone{ErrorCode::kUnavailable, "no node answers", ""};
  Answers answers({job("pending"), job("running"), gone, gone, job("running"), job("success")});
  oneshot::QuietProgress progress;
  auto done = oneshot::follow_job("id", [&] { return answers(); }, progress, {});
  ASSERT_TRUE(done);
  EXPECT_EQ(done->status, "success");
  EXPECT_EQ(answers.asked(), 6u);
}

TEST(FollowJob, EndsWithWhatCannotGetBetter) {
  Answers answers({job("running"), Error{ErrorCode::kPermissionDenied, "you may not see the jobs", "ask"}});
  oneshot::QuietProgress progress;
  auto done = oneshot::follow_job("id", [&] { return answers(); }, progress, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(done.error().hint, "ask");
}

TEST(FollowJob, LeavesTheJobAloneWhenToldToStop) {
  std::stop_source stop;
  stop.request_stop();
  Answers answers({job("running")});
  oneshot::QuietProgress progress;
  auto done = oneshot::follow_job(
      "id", [&] { return answers(); }, progress, stop.get_token());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(done.error().hint, "sync-nodectl jobs cancel id ends it");
}

}  // namespace
}  // namespace syncnode::cli
