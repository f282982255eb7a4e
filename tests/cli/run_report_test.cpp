#include "cli/run_report.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace syncnode::cli
