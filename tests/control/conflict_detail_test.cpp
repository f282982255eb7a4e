#include "control/conflict_detail.h"

#include <gtest/gtest.h>

namespace syncnode::control {
namespace {

ConflictView with_rows(std::string base, std::string source, std::string target) {
  ConflictView view;
  view.base_data = std::move(base);
  view.source_data = std::move(source);
  view.target_data = std::move(target);
  return view;
}

TEST(ConflictDetail, SaysWhatDiffersPlaceByPlace) {
  const auto detail = detail_of(with_rows(R"({"title":"Plans","n":1})", R"({"title":"Plans for May","n":1})",
                                          R"({"title":"Plans","n":2})"));
  EXPECT_TRUE(has_rows(detail.view));
  EXPECT_EQ(
      json::to_text(differences_document(detail)),
      R"([{"path":"title","base":"\"Plans\"","source":"\"Plans for May\"","target":"\"Plans\"",)"
      R"("source_changed":true,"target_changed":false},)"
      R"({"path":"n","base":"1","source":"1","target":"2","source_changed":false,"target_changed":true}])");
}

TEST(ConflictDetail, ARowThatASideDeletedIsSaidOnceAndTheOtherSidesChangesAreThere) {
  const auto detail = detail_of(with_rows(R"({"n":1})", "", R"({"n":2})"));
  EXPECT_TRUE(has_rows(detail.view));
  ASSERT_EQ(detail.differences.size(), 2U);
  EXPECT_EQ(detail.differences[0].path, "");
  EXPECT_EQ(detail.differences[0].source, "deleted it");
  EXPECT_EQ(detail.differences[1].path, "n");
  EXPECT_TRUE(differences_document(detail)[1]["source"].is_null());
}

TEST(ConflictDetail, OfRowsThatWereNotRecordedNothingIsClaimed) {
  for (const auto& rows :
       {with_rows("", "", ""), with_rows(R"({"n":1})", "", ""), with_rows("", "[]", "x")}) {
    EXPECT_TRUE(detail_of(rows).differences.empty());
  }
  EXPECT_FALSE(has_rows(with_rows("", "", "")));
}

}  // namespace
}  // namespace syncnode::control
