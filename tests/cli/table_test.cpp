#include "cli/table.h"

#include <gtest/gtest.h>

namespace syncnode::cli {
namespace {

Table sample() {
  Table table({{"NAME"}, {"ROWS", Table::Align::kRight}});
  table.add({{"chat"}, {"1,234", Style::kBad}});
  table.add({{"a"}, {"5"}});
  return table;
}

TEST(ATable, AlignsItsColumnsAndEndsLinesWithoutBlanks) {
  EXPECT_EQ(sample().render({}), "NAME   ROWS\nchat  1,234\na         5\n");
}

TEST(ATable, HasColourOnlyWhereItIsWanted) {
  EXPECT_EQ(sample().render({}).find('\033'), std::string::npos);
  EXPECT_NE(sample().render({true, 80}).find("\033[31m1,234\033[0m"), std::string::npos);
}

TEST(ATable, IsCutToTheTerminal) {
  Table table({{"NAME"}, {"PATH"}});
  table.add({{"acme"}, {std::string(200, 'x')}});
  std::string page = table.render({false, 40});
  EXPECT_EQ(page.find('\n'), std::string("NAME  PATH").size());
  EXPECT_NE(page.find("…"), std::string::npos);
  EXPECT_NE(table.render({false, 0}).find(std::string(200, 'x')), std::string::npos);
}

TEST(ATable, IsNothingWithoutRows) {
  EXPECT_EQ(Table({{"NAME"}}).render({}), "");
}

}  // namespace
}  // namespace syncnode::cli
