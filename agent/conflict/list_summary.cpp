#include "conflict/list_summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "conflict/printable.h"

namespace syncnode::conflict {
namespace {

constexpr size_t kShownElements = 3;
constexpr size_t kShownId = 9;  // columns: the first block of a uuid
constexpr size_t kShownValue = 20;

// "2 messages", by the last part of the path; "2 elements" when that is no plural.
std::string counted(const std::string& path, size_t count) {
  std::string noun = path.substr(path.rfind('.') + 1);
  if (noun.size() < 3 || noun.back() != 's' || noun.size() > 30) noun = "elements";
  if (count == 1) noun.pop_back();
  return fmt::format("{} {}", count, noun);
}

std::string label(const Slot& slot) {
  const Versions& at = slot.versions;
  const Json* value = at.source != nullptr ? at.source : at.target != nullptr ? at.target : at.base;
  if (!slot.name.empty()) return cut_to(printable(slot.name), kShownId);
  const Json* id = slot.keyed ? member_of(value, "id") : nullptr;
  if (id != nullptr)
    return cut_to(printable(id->is_string() ? id->get<std::string>() : id->dump()), kShownId);
  return cut_to(printable(value->is_string() ? value->get<std::string>() : json::to_text(*value)),
                kShownValue);
}

// The elements of one sign on one side.
class Group {
 public:
  explicit Group(char sign) : sign_(sign) {}
  void add(const Slot& slot) {
    if (++count_ <= kShownElements) labels_ += (labels_.empty() ? "" : ", ") + label(slot);
  }
  bool empty() const { return count_ == 0; }
  std::string text(const std::string& path) const {
    const std::string more =
        count_ > kShownElements ? fmt::format(" and {} more", count_ - kShownElements) : "";
    return fmt::format("{} {} ({}{})", sign_, counted(path, count_), labels_, more);
  }

 private:
  const char sign_;
  size_t count_ = 0;
  std::string labels_;
};

// One side against what it came from; "" when nothing differs.
std::string changes(const std::string& path, const Slots& slots, const Json* Versions::*side,
                    const Json* Versions::*reference) {
  Group added('+');
  Group removed('-');
  Group changed('~');
  for (const Slot& slot : slots.all) {
    const Json* now = slot.versions.*side;
    const Json* before = slot.versions.*reference;
    if (now != nullptr && before == nullptr) {
      added.add(slot);
    } else if (now == nullptr && before != nullptr) {
      removed.add(slot);
    } else if (element_differs(before, now)) {
      changed.add(slot);
    }
  }
  std::string out;
  for (const Group* group : {&added, &removed, &changed}) {
    if (!group->empty()) out += (out.empty() ? "" : ", ") + group->text(path);
  }
  return out;
}

}  // namespace

bool is_map_by_id(const Versions& versions) {
  size_t members = 0;
  for (const Json* object : {versions.base, versions.source, versions.target}) {
    if (object == nullptr) continue;
    if (!object->is_object()) return false;
    for (const auto& [name, value] : object->get_ref<const Json::object_t&>()) {
      const Json* id = member_of(&value, "id");
      if (id == nullptr || !id->is_string() || id->get_ref<const std::string&>() != name) return false;
      ++members;
    }
  }
  return members > 0;
}

bool element_differs(const Json* left, const Json* right) {
  if (same_json(left, right)) return false;
  if (left == nullptr || right == nullptr || !left->is_object() || !right->is_object()) return true;
  const Slots members = slots_of_objects({nullptr, left, right});
  return std::any_of(members.all.begin(), members.all.end(), [](const Slot& slot) {
    return slot.name != "childrenIds" && !same_json(slot.versions.source, slot.versions.target);
  });
}

std::optional<Difference> summarize_list(const std::string& path, const Versions& lists, const Slots& slots) {
  Difference out;
  out.path = path;
  const bool has_base = lists.base != nullptr;
  const auto source = changes(path, slots, &Versions::source, has_base ? &Versions::base : &Versions::target);
  const auto target = changes(path, slots, &Versions::target, has_base ? &Versions::base : &Versions::source);
  if (source.empty() && target.empty()) return std::nullopt;
  if (has_base) out.base = counted(path, lists.base->size());
  out.source = source.empty() ? counted(path, lists.source->size()) : source;
  out.target = target.empty() ? counted(path, lists.target->size()) : target;
  out.source_changed = !source.empty();
  out.target_changed = !target.empty();
  return out;
}

}  // namespace syncnode::conflict
