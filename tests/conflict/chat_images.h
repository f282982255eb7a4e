// A chat as Open WebUI keeps it, and two people going on with it at once, for tests. Plain values.
#pragma once

#include <string>
#include <vector>

#include "conflict/row_images.h"

namespace syncnode::conflict {

inline Json message(const std::string& id, const Json& parent, const std::string& role, int64_t at) {
  return {{"id", id},     {"parentId", parent},    {"childrenIds", Json::array()},
          {"role", role}, {"content", "of " + id}, {"timestamp", at}};
}

class Chat {
 public:
  Chat(std::string title, int64_t at) {
    row_ = {{"id", "c1"},
            {"user_id", "u1"},
            {"title", title},
            {"chat",
             {{"title", title},
              {"models", {"llama3"}},
              {"params", Json::object()},
              {"history", {{"messages", Json::object()}, {"currentId", nullptr}}},
              {"messages", Json::array()},
              {"tags", Json::array()},
              {"timestamp", at * 1000},
              {"files", Json::array()}}},
            {"archived", false},
            {"meta", {{"tags", {"work"}}}},
            {"created_at", at},
            {"updated_at", at}};
  }

  void say(const std::string& id, const std::string& role, int64_t at) {
    answer(id, history()["currentId"], role, at);
  }

  void answer(const std::string& id, const Json& parent, const std::string& role, int64_t at) {
    const Json added = message(id, parent, role, at);
    if (parent.is_string()) {
      history()["messages"][parent.get<std::string>()]["childrenIds"].push_back(id);
    }
    history()["messages"][id] = added;
    history()["currentId"] = id;
    row_["chat"]["messages"].push_back(added);
    row_["updated_at"] = at;
  }

  // As the application does it: the children go to the parent.
  void remove(const std::string& id, int64_t at) {
    Json& messages = history()["messages"];
    const std::string parent = messages[id]["parentId"].get<std::string>();
    Json children = Json::array();
    for (const Json& child : messages[parent]["childrenIds"]) {
      if (child != id) children.push_back(child);
    }
    messages[parent]["childrenIds"] = children;
    messages.erase(id);
    if (history()["currentId"] == id) history()["currentId"] = parent;
    Json list = Json::array();
    for (const Json& each : row_["chat"]["messages"]) {
      if (each["id"] != id) list.push_back(each);
    }
    row_["chat"]["messages"] = list;
    row_["updated_at"] = at;
  }

  Json& row() { return row_; }
  Json& history() { return row_["chat"]["history"]; }

 private:
  Json row_;
};

inline constexpr int64_t kChatBegan = 1712345600;

inline Chat agreed_chat() {
  Chat chat("Plans", kChatBegan);
  chat.say("u1", "user", kChatBegan + 1);
  chat.say("a1", "assistant", kChatBegan + 2);
  return chat;
}

// Source and target each went on with a question and an answer; the source renamed the chat, the target
// tagged it.
inline RowImages two_people() {
  const Chat base = agreed_chat();
  Chat source = base;
  source.say("u2", "user", kChatBegan + 10);
  source.say("a2", "assistant", kChatBegan + 12);
  source.row()["title"] = "Plans for May";
  source.row()["chat"]["title"] = "Plans for May";
  Chat target = base;
  target.say("u3", "user", kChatBegan + 11);
  target.say("a3", "assistant", kChatBegan + 13);
  target.row()["meta"]["tags"].push_back("urgent");
  Chat agreed = base;
  return {agreed.row(), source.row(), target.row(), false};
}

inline std::vector<std::string> ids_of(const Json& list) {
  std::vector<std::string> ids;
  for (const Json& element : list) ids.push_back(element["id"].get<std::string>());
  return ids;
}

}  // namespace syncnode::conflict
