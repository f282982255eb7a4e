#include "conflict/difference.h"

#include <gtest/gtest.h>

#include "chat_images.h"
#include "conflict/printable.h"

namespace syncnode::conflict {
namespace {

TEST(TheDifferenceOfAChat, IsSeenAtOnce) {
  EXPECT_EQ(to_lines(differences(two_people())),
            R"(title
  base    "Plans"
  source  "Plans for May"
  target  as base
chat.title
  base    "Plans"
  source  "Plans for May"
  target  as base
chat.history.messages
  base    2 messages
  source  + 2 messages (u2, a2)
  target  + 2 messages (u3, a3)
chat.history.currentId
  base    "a1"
  source  "a2"
  target  "a3"
chat.messages
  base    2 messages
  source  + 2 messages (u2, a2)
  target  + 2 messages (u3, a3)
meta.tags
  base    1 tag
  source  as base
  target  + 1 tag (urgent)
updated_at
  base    1712345602
  source  1712345612
  target  1712345613
)");
}

TEST(AnEditedMessage, IsShownWithItsMember) {
  RowImages images = two_people();
  (*images.source)["chat"]["history"]["messages"]["a1"]["content"] = "another answer";
  const auto found = differences(images);
  const auto summary = std::find_if(found.begin(), found.end(), [](const Difference& difference) {
    return difference.path == "chat.history.messages";
  });
  ASSERT_NE(summary, found.end());
  EXPECT_EQ(summary->source, "+ 2 messages (u2, a2), ~ 1 message (a1)");
  const auto content = std::find_if(found.begin(), found.end(), [](const Difference& difference) {
    return difference.path == "chat.history.messages.a1.content";
  });
  ASSERT_NE(content, found.end());
  EXPECT_EQ(content->base, "\"of a1\"");
  EXPECT_EQ(content->source, "\"another answer\"");
  EXPECT_TRUE(content->source_changed);
  EXPECT_FALSE(content->target_changed);
}

TEST(ADeletedRow, IsSaidOnce) {
  RowImages images = two_people();
  images.target.reset();
  const std::string lines = to_lines(differences(images));
  EXPECT_EQ(
      lines.find("the row\n  base    had the row\n  source  has the row\n  target  deleted it\ntitle\n"), 0U)
      << lines;
  EXPECT_NE(lines.find("title\n  base    \"Plans\"\n  source  \"Plans for May\"\nchat.title\n"),
            std::string::npos)
      << lines;
  EXPECT_NE(lines.find("\nchat.history.messages\n  base    2 messages\n  source  + 2 messages (u2, a2)\n"
                       "chat.history.currentId\n"),
            std::string::npos)
      << lines;
}

TEST(TwoInserts, AreShownAgainstEachOther) {
  const RowImages images{std::nullopt, Json{{"id", 1}, {"tags", {"a", "b"}}, {"n", 1}},
                         Json{{"id", 1}, {"tags", {"b"}}, {"n", 2}}, false};
  EXPECT_EQ(to_lines(differences(images)),
            "tags\n  base    not there\n  source  + 1 tag (a)\n  target  - 1 tag (a)\n"
            "n\n  base    not there\n  source  1\n  target  2\n");
}

TEST(LongTexts, AreShownWhereTheyPart) {
  const std::string same(5000, 'x');
  const RowImages images{Json{{"t", same + "one" + same}}, Json{{"t", same + "two" + same}},
                         Json{{"t", same + "日本語" + same}}, false};
  const auto found = differences(images);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].source->find("\"…xxxxxxxxxxxxxxxxtwoxxx"), 0U) << *found[0].source;
  EXPECT_EQ(found[0].target->find("\"…xxxxxxxxxxxxxxxx日本語xxx"), 0U) << *found[0].target;
  EXPECT_LE(columns_of(*found[0].target), 78U);
}

TEST(JsonInATextColumn, IsLookedInto) {
  const RowImages images{Json{{"s", R"({"k": 1, "l": 1})"}}, Json{{"s", R"({"k": 2, "l": 1})"}},
                         Json{{"s", R"({"k": 1, "l": 3})"}}, false};
  const auto found = differences(images);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].path, "s.k");
  EXPECT_EQ(found[1].path, "s.l");
}

TEST(AnotherOrder, IsADifferenceToo) {
  const RowImages images{Json{{"l", {1, 2}}}, Json{{"l", {2, 1}}}, Json{{"l", {1, 2}}}, false};
  EXPECT_EQ(to_lines(differences(images)), "l\n  base    [1,2]\n  source  [2,1]\n  target  as base\n");
}

TEST(WhatIsShown, CannotMoveTheCursor) {
  EXPECT_EQ(printable("a\x1b[2J\nb\u202e\u00e9\xff"), "a\\u001b[2J\\nb\\u202eé\uFFFD");
  EXPECT_EQ(columns_of("日本a"), 5U);
  EXPECT_EQ(cut_to("日本語", 5), "日本…");
  EXPECT_EQ(cut_to("日本語", 6), "日本語");
  EXPECT_EQ(cut_to("abc", 3), "abc");
  EXPECT_EQ(cut_to("abcd", 3), "ab…");
  EXPECT_EQ(cut_to("a日本", 3), "a…");
}

}  // namespace
}  // namespace syncnode::conflict
