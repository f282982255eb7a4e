// Templates: exactly the places that are there, exactly once answered.
#include "postgres/fill.h"

#include <gtest/gtest.h>

namespace syncnode::postgres {
namespace {

TEST(Fill, ReplacesEveryOccurrence) {
  auto filled = fill("SELECT {columns} FROM {table} JOIN {table} ON '{}' = '{\"a\": 1}'",
                     {{"table", "\"t{columns}\""}, {"columns", "a, b"}});
  ASSERT_TRUE(filled);
  EXPECT_EQ(*filled, "SELECT a, b FROM \"t{columns}\" JOIN \"t{columns}\" ON '{}' = '{\"a\": 1}'");
}

TEST(Fill, RefusesAPlaceWithoutAValue) {
  auto filled = fill("SELECT {columns}", {});
  ASSERT_FALSE(filled);
  EXPECT_EQ(filled.error().code, ErrorCode::kInternal);
  EXPECT_NE(filled.error().message.find("'columns'"), std::string::npos);
}

TEST(Fill, RefusesAValueWithoutAPlace) {
  auto filled = fill("SELECT 1", {{"table", "t"}});
  ASSERT_FALSE(filled);
  EXPECT_EQ(filled.error().code, ErrorCode::kInternal);
}

}  // namespace
}  // namespace syncnode::postgres
