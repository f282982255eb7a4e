// Two people go on with one chat, one in the application and one in the copy, under the built-in policy.
#include <gtest/gtest.h>

#include "chat_images.h"
#include "conflict/decide.h"

namespace syncnode::conflict {
namespace {

const Instant kNow{std::chrono::seconds(kChatBegan + 3600)};
using Ids = std::vector<std::string>;

Decision decided(const RowImages& images) {
  auto decision = decide(built_in_policy().effective("chat"), images, {kNow});
  EXPECT_TRUE(decision);
  return decision.value_or(Decision{});
}

// Every message names a parent that is there and lists it, and the current one is there.
void expect_a_tree(const Json& history) {
  const Json& messages = history["messages"];
  for (const auto& [id, message] : messages.items()) {
    if (message["parentId"].is_null()) continue;
    const auto parent = message["parentId"].get<std::string>();
    ASSERT_TRUE(messages.contains(parent)) << id;
    const Json& children = messages[parent]["childrenIds"];
    EXPECT_EQ(std::count(children.begin(), children.end(), id), 1) << id;
  }
  EXPECT_TRUE(messages.contains(history["currentId"].get<std::string>()));
}

TEST(TwoPeopleInOneChat, BothKeepTheirMessages) {
  const Decision decision = decided(two_people());
  ASSERT_EQ(decision.winner, Winner::kMerged) << decision.notes;
  const Json& row = *decision.merged;
  EXPECT_EQ(ids_of(row["chat"]["messages"]), (Ids{"u1", "a1", "u2", "u3", "a2", "a3"}));
  EXPECT_EQ(ids_of(row["chat"]["history"]["messages"]), (Ids{"u1", "a1", "u2", "u3", "a2", "a3"}));
  const Json& messages = row["chat"]["history"]["messages"];
  EXPECT_EQ(messages["a1"]["childrenIds"], Json({"u2", "u3"}));
  EXPECT_EQ(messages["u2"]["childrenIds"], Json({"a2"}));
  EXPECT_EQ(messages["a3"]["content"], "of a3");
  EXPECT_EQ(row["chat"]["history"]["currentId"], "a3");  // the target said the last word
  EXPECT_EQ(row["title"], "Plans for May");
  EXPECT_EQ(row["chat"]["title"], "Plans for May");
  EXPECT_EQ(row["meta"]["tags"], Json({"work", "urgent"}));
  EXPECT_EQ(row["updated_at"], kChatBegan + 13);
  EXPECT_EQ(row["chat"]["timestamp"], kChatBegan * 1000);
  expect_a_tree(row["chat"]["history"]);
}

TEST(TwoPeopleInOneChat, AreMergedWithoutABaseToo) {
  RowImages images = two_people();
  images.base.reset();
  const Decision decision = decided(images);
  ASSERT_EQ(decision.winner, Winner::kMerged) << decision.notes;
  const Json& row = *decision.merged;
  EXPECT_EQ(ids_of(row["chat"]["messages"]), (Ids{"u1", "a1", "u2", "u3", "a2", "a3"}));
  EXPECT_EQ(row["chat"]["history"]["messages"]["a1"]["childrenIds"], Json({"u2", "u3"}));
  EXPECT_EQ(row["title"], "Plans");  // the target is newer, and nobody knows that it kept its title
  EXPECT_EQ(row["meta"]["tags"], Json({"work", "urgent"}));
  expect_a_tree(row["chat"]["history"]);
}

TEST(TwoPeopleInOneChat, EditTheSameMessage) {
  Chat base = agreed_chat();
  Chat source = base;
  source.history()["messages"]["a1"]["content"] = "of the source";
  source.history()["messages"]["a1"]["annotation"] = {{"rating", 1}};
  source.row()["updated_at"] = kChatBegan + 20;
  Chat target = base;
  target.history()["messages"]["a1"]["content"] = "of the target";
  target.say("u3", "user", kChatBegan + 11);
  const Decision decision = decided({base.row(), source.row(), target.row(), false});
  ASSERT_EQ(decision.winner, Winner::kMerged);
  const Json& messages = (*decision.merged)["chat"]["history"]["messages"];
  EXPECT_EQ(messages["a1"]["content"], "of the source");
  EXPECT_EQ(messages["a1"]["annotation"]["rating"], 1);
  EXPECT_EQ(ids_of(messages), (Ids{"u1", "a1", "u3"}));
  EXPECT_NE(decision.notes.find("chat.history.messages.a1.content"), std::string::npos) << decision.notes;
}

TEST(AMessageThatOneRemovedAndTheOtherAnswered, StaysInTheTree) {
  Chat base = agreed_chat();
  Chat source = base;
  source.remove("a1", kChatBegan + 20);
  Chat target = base;
  target.say("u3", "user", kChatBegan + 11);  // changes a1: it has a child now
  const Decision decision = decided({base.row(), source.row(), target.row(), false});
  ASSERT_EQ(decision.winner, Winner::kMerged);
  const Json& history = (*decision.merged)["chat"]["history"];
  EXPECT_EQ(ids_of(history["messages"]), (Ids{"u1", "a1", "u3"}));
  expect_a_tree(history);
}

TEST(AMessageThatOneRemovedAndNobodyTouched, IsGone) {
  Chat base = agreed_chat();
  Chat source = base;
  source.remove("a1", kChatBegan + 20);
  Chat target = base;
  target.answer("b1", "u1", "assistant", kChatBegan + 30);  // another answer to the same question
  const Decision decision = decided({base.row(), source.row(), target.row(), false});
  ASSERT_EQ(decision.winner, Winner::kMerged);
  const Json& history = (*decision.merged)["chat"]["history"];
  EXPECT_EQ(ids_of(history["messages"]), (Ids{"u1", "b1"}));
  EXPECT_EQ(history["messages"]["u1"]["childrenIds"], Json({"b1"}));
  expect_a_tree(history);
}

TEST(ACurrentMessageThatDidNotSurvive, GivesWayToTheOtherSides) {
  Chat base = agreed_chat();
  base.answer("b1", "u1", "assistant", kChatBegan + 3);
  base.history()["currentId"] = "u1";
  Chat source = base;  // newer: looks at b1 without changing it
  source.history()["currentId"] = "b1";
  source.row()["updated_at"] = kChatBegan + 40;
  Chat target = base;
  target.remove("b1", kChatBegan + 30);
  target.history()["currentId"] = "a1";
  const Decision decision = decided({base.row(), source.row(), target.row(), false});
  ASSERT_EQ(decision.winner, Winner::kMerged);
  const Json& history = (*decision.merged)["chat"]["history"];
  EXPECT_EQ(history["currentId"], "a1");
  expect_a_tree(history);
}

}  // namespace
}  // namespace syncnode::conflict
