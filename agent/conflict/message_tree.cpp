#include "conflict/message_tree.h"

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "conflict/json_equal.h"

namespace syncnode::conflict {
namespace {

const std::string* text_member(const Json* object, std::string_view name) {
  const Json* value = member_of(object, name);
  return value != nullptr && value->is_string() ? &value->get_ref<const std::string&>() : nullptr;
}

// The message that a history says is current, when it has it.
const std::string* current_of(const Json* history) {
  const std::string* current = text_member(history, "currentId");
  if (current == nullptr || member_of(member_of(history, "messages"), *current) == nullptr) return nullptr;
  return current;
}

}  // namespace

void relink_children(Json& messages) {
  struct Parent {
    Json* children;
    std::unordered_set<std::string_view> listed;
  };
  std::unordered_map<std::string_view, Parent> parents;
  auto& members = messages.get_ref<Json::object_t&>();
  for (auto& [id, message] : members) {
    if (!message.is_object()) continue;
    const auto children = message.find("childrenIds");
    if (children == message.end() || !children->is_array()) continue;
    Parent parent{&*children, {}};
    for (const Json& child : *children) {
      if (child.is_string()) parent.listed.insert(child.get_ref<const std::string&>());
    }
    parents.emplace(id, std::move(parent));
  }
  if (parents.empty()) return;
  std::vector<std::pair<Json*, std::string>> missing;  // added at last: the sets borrow from the lists
  for (const auto& [id, message] : members) {
    const std::string* parent_id = text_member(&message, "parentId");
    if (parent_id == nullptr) continue;
    const auto parent = parents.find(*parent_id);
    if (parent != parents.end() && !parent->second.listed.contains(id)) {
      missing.emplace_back(parent->second.children, id);
    }
  }
  for (auto& [children, id] : missing) children->push_back(std::move(id));
}

void settle_current(Json& history, const Versions& versions, Side newest) {
  if (text_member(&history, "currentId") == nullptr || current_of(&history) != nullptr) return;
  const Json* messages = member_of(&history, "messages");
  if (messages == nullptr || !messages->is_object() || messages->empty()) return;
  const std::string* ours = current_of(versions.source);
  const std::string* theirs = current_of(versions.target);
  if (ours == nullptr && theirs == nullptr) return;  // it was so before
  if (newest == Side::kTarget) std::swap(ours, theirs);
  for (const std::string* candidate : {ours, theirs}) {
    if (candidate != nullptr && member_of(messages, *candidate) != nullptr) {
      history["currentId"] = std::string(*candidate);
      return;
    }
  }
  history["currentId"] = std::string(messages->get_ref<const Json::object_t&>().back().first);
}

}  // namespace syncnode::conflict
