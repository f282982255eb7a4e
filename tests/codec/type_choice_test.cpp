// Which type a column gets, as a table: what was declared, what is stored, what follows.
#include "codec/type_choice.h"

#include <gtest/gtest.h>

namespace syncnode::codec {
namespace {

TEST(TypeChoice, DeclaredTypes) {
  const struct {
    std::string_view declared;
    std::optional<TargetType> type;
  } kTable[] = {{"BOOLEAN", TargetType::kBoolean},
                {"bool", TargetType::kBoolean},
                {"INTEGER", TargetType::kBigint},
                {"bigint", TargetType::kBigint},
                {"TINYINT(1)", TargetType::kBigint},
                {"CHARINT", TargetType::kBigint},
                {"VARCHAR(255)", TargetType::kText},
                {"TEXT", TargetType::kText},
                {"CLOB", TargetType::kText},
                {"BLOB", TargetType::kBytea},
                {"REAL", TargetType::kDouble},
                {"FLOAT", TargetType::kDouble},
                {"DOUBLE PRECISION", TargetType::kDouble},
                {"JSON", TargetType::kJson},
                {"NUMERIC(10,2)", TargetType::kNumeric},
                {"DECIMAL", TargetType::kNumeric},
                {"DATETIME", std::nullopt},
                {"TIMESTAMP", std::nullopt},
                {"", std::nullopt},
                {"WHATEVER", std::nullopt}};
  for (const auto& row : kTable) EXPECT_EQ(declared_target_type(row.declared), row.type) << row.declared;
}

ColumnCensus census(int64_t booleans, int64_t integers, int64_t reals, int64_t texts, int64_t blobs) {
  return {booleans, booleans + integers, reals, texts, blobs};
}

TEST(TypeChoice, TheDeclarationHoldsWhileNineInTenValuesFit) {
  EXPECT_EQ(choose_type("BOOLEAN", census(9, 1, 0, 0, 0)), TargetType::kBoolean);
  EXPECT_EQ(choose_type("BOOLEAN", census(89, 11, 0, 0, 0)), TargetType::kBigint);
  EXPECT_EQ(choose_type("INTEGER", census(0, 90, 0, 10, 0)), TargetType::kBigint);
  EXPECT_EQ(choose_type("INTEGER", census(0, 10, 0, 90, 0)), TargetType::kText);
  EXPECT_EQ(choose_type("TEXT", census(0, 0, 0, 0, 50)), TargetType::kBytea);
  EXPECT_EQ(choose_type("REAL", census(0, 100, 0, 0, 0)), TargetType::kBigint);
  EXPECT_EQ(choose_type("NUMERIC", census(0, 50, 50, 0, 0)), TargetType::kNumeric);
  EXPECT_EQ(choose_type("JSON", census(0, 5, 5, 90, 0)), TargetType::kJson);
  EXPECT_EQ(choose_type("BLOB", census(0, 0, 0, 7, 0)), TargetType::kText);
}

TEST(TypeChoice, WithoutADeclarationTheValuesDecide) {
  EXPECT_EQ(choose_type("DATETIME", census(0, 0, 0, 10, 0)), TargetType::kText);
  EXPECT_EQ(choose_type("", census(0, 10, 0, 0, 0)), TargetType::kBigint);
  EXPECT_EQ(choose_type("", census(10, 0, 0, 0, 0)), TargetType::kBigint);
  EXPECT_EQ(choose_type("", census(0, 0, 10, 0, 0)), TargetType::kDouble);
  EXPECT_EQ(choose_type("", census(0, 0, 0, 0, 10)), TargetType::kBytea);
  EXPECT_EQ(choose_type("", census(0, 3, 3, 3, 4)), TargetType::kBytea);
}

TEST(TypeChoice, EmptyColumnsGetWhatWasDeclaredElseText) {
  EXPECT_EQ(choose_type("", {}), TargetType::kText);
  EXPECT_EQ(choose_type("DATE", {}), TargetType::kText);
  EXPECT_EQ(choose_type("BOOLEAN", {}), TargetType::kBoolean);
  EXPECT_EQ(choose_type("JSON", {}), TargetType::kJson);
}

}  // namespace
}  // namespace syncnode::codec
