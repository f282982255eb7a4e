#include "cli/run_report.h"

#include <gtest/gtest.h>

#include "sync/verify_report.h"

namespace syncnode::cli {
namespace {

sync::RunReport many_tables() {
  sync::RunReport report;
  report.mode = "incremental";
  report.tables_total = 30;
  for (int i = 0; i < 30; ++i) {
    sync::TableOutcome table;
    table.name = "table_" + std::to_string(i);
    table.inserted = i;
    report.tables.push_back(table);
  }
  report.skipped = {{"docs_fts", "virtual table (fts5)"}};
  return report;
}

TEST(SyncPage, PutsWhatIsHeldFirstAndSaysWhatToDo) {
  auto report = many_tables();
  report.tables[3].held = 7;
  report.tables[3].waiting = report.tables[5].waiting = true;  // 5 vanished without rows
  auto page = sync_page("acme", report, {});
  EXPECT_LT(page.find("table_3 "), page.find("table_5 "));
  EXPECT_LT(page.find("table_5 "), page.find("table_29 "));
  EXPECT_NE(page.find("… and 10 more tables"), std::string::npos);
  EXPECT_NE(page.find("not copied: docs_fts (virtual table (fts5))"), std::string::npos);
  EXPECT_NE(page.find("sync-nodectl held list acme"), std::string::npos);
  EXPECT_EQ(sync_document("acme", report)["held"], true);
  EXPECT_EQ(sync_document("acme", report)["tables"][5]["waiting"], true);
}

TEST(SyncPage, OfAnUnchangedDatabaseIsOneLine) {
  sync::RunReport report;
  report.mode = "unchanged";
  report.tables_total = 35;
  report.rows_total = 850123;
  EXPECT_EQ(sync_page("acme", report, {}), "acme: unchanged, 850,123 rows in 35 tables, 0 B sent, 0.00 s\n");
}

sync::VerifyReport verdicts() {
  sync::VerifyReport report;
  report.generation = 4;
  for (int i = 0; i < 30; ++i) {
    sync::TableVerdict table;
    table.name = "table_" + std::to_string(i);
    table.source_rows = table.copy_rows = i;
    table.source_hash = table.copy_hash = "00112233445566778899aabbccddeeff";
    report.tables.push_back(table);
  }
  return report;
}

TEST(VerifyPage, SaysEqualOnlyWhenItIs) {
  auto report = verdicts();
  EXPECT_NE(verify_page("acme", report, {}).find("acme: the copy is equal to the source at generation 4"),
            std::string::npos);
  EXPECT_EQ(verify_document("acme", report)["equal"], true);
  report.tables[2].copy_hash = "ff";
  report.tables[2].differing = {"table_2 id='1\033': missing in the copy"};
  report.tables[2].differing_total = 1;
  auto page = verify_page("acme", report, {});
  EXPECT_LT(page.find("DIFFERS"), page.find("equal"));
  EXPECT_NE(page.find("id='1\\x1b': missing in the copy"), std::string::npos);
  EXPECT_NE(page.find("the copy DIFFERS from the source in 1 tables"), std::string::npos);
  EXPECT_EQ(verify_document("acme", report)["equal"], false);
}

// What a job keeps is shown as if the run had been here.
TEST(VerifyReport, ComesBackFromItsText) {
  auto report = verdicts();
  report.seconds = 1.5;
  report.skipped = {{"docs_fts", "virtual table (fts5)"}};
  report.tables[2].copy_hash = "ff";
  report.tables[2].differing = {"table_2 id='\x01\xff': differs"};
  report.tables[2].differing_total = 7;
  report.tables[3].held = 1;
  report.tables[4].kept = 2;
  report.tables[5].quarantined = 3;
  auto text = sync::report_text(report);
  ASSERT_TRUE(text);
  auto again = sync::read_verify_report(*text);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(json::to_text(verify_document("acme", *again)), json::to_text(verify_document("acme", report)));
  EXPECT_EQ(sync::difference("acme", report).message,
            "the copy differs from the source: 7 rows in 1 of 30 tables");
  for (const char* wrong :
       {"", "null", "[]", "{}", R"({"generation":1,"duration_seconds":1,"tables":[{}],"skipped":[]})"}) {
    auto refused = sync::read_verify_report(wrong);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().code, ErrorCode::kCorruption) << wrong;
  }
}

TEST(VerifyReport, ThatIsTooLargeForAJobIsRefused) {
  auto report = verdicts();
  report.tables[0].name = std::string(5 << 20, 'x');
  auto text = sync::report_text(report);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace syncnode::cli
