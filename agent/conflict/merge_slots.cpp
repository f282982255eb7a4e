#include "conflict/merge_slots.h"

#include <fmt/format.h>

#include <optional>

#include "conflict/moment.h"

namespace syncnode::conflict {
namespace {

using VersionOf = const Json* Versions::*;

std::optional<Instant> time_of(const Slot& slot) {
  const Json* value = slot.versions.source != nullptr ? slot.versions.source : slot.versions.target;
  for (const char* name : {"timestamp", "created_at"}) {
    if (auto moment = read_moment(member_of(value, name))) return moment->at;
  }
  return std::nullopt;
}

// "" when it has none.
std::string id_of(const Json& element) {
  const Json* id = member_of(&element, "id");
  if (id == nullptr || !(id->is_string() || id->is_number_integer())) return "";
  return json::to_text(*id);
}

class ArraySlots {
 public:
  explicit ArraySlots(bool repeats) : repeats_(repeats) {}

  void add(const Json* array, VersionOf side) {
    if (array == nullptr || !array->is_array()) return;
    for (Group& group : groups_) group.seen = 0;
    for (const Json& element : *array) {
      Group& group = group_of(element);
      const size_t ordinal = group.keyed || repeats_ ? group.seen : 0;
      ++group.seen;
      if (ordinal == group.slots.size()) {
        group.slots.push_back(slots_.all.size());
        slots_.all.push_back({{}, group.keyed, {}});
      }
      slots_.all[group.slots[ordinal]].versions.*side = &element;
    }
  }

  Slots& slots() { return slots_; }

 private:
  struct Group {
    bool keyed;
    std::vector<size_t> slots;
    size_t seen = 0;  // in the array at hand
  };

  Group& group_of(const Json& element) {
    const std::string id = id_of(element);
    const bool keyed = !id.empty();
    const auto [at, fresh] = keyed ? insert(by_id_, id) : insert(by_value_, &element);
    if (fresh) groups_.push_back({keyed, {}, 0});
    return groups_[at];
  }

  template <typename Index, typename Key>
  std::pair<size_t, bool> insert(Index& index, const Key& key) {
    const auto [place, fresh] = index.emplace(key, groups_.size());
    return {place->second, fresh};
  }

  const bool repeats_;
  Slots slots_;
  std::vector<Group> groups_;
  std::unordered_map<std::string, size_t> by_id_;
  std::unordered_map<const Json*, size_t, JsonHash, JsonSame> by_value_;
};

}  // namespace

std::vector<size_t> Slots::order() const {
  std::vector<size_t> out;
  out.reserve(all.size());
  for (size_t i = 0; i < first_added; ++i) out.push_back(i);
  std::vector<std::optional<Instant>> times(all.size());
  bool timed = true;
  for (size_t i = first_added; i < all.size(); ++i) {
    times[i] = time_of(all[i]);
    timed = timed && times[i].has_value();
  }
  size_t ours = first_added;
  size_t theirs = first_of_target;
  while (ours < first_of_target || theirs < all.size()) {
    const bool target_next =
        ours == first_of_target || (timed && theirs < all.size() && *times[theirs] < *times[ours]);
    out.push_back(target_next ? theirs++ : ours++);
  }
  return out;
}

Slots slots_of_objects(const Versions& objects) {
  Slots slots;
  std::unordered_map<std::string_view, size_t> index;
  const auto add = [&](const Json* object, VersionOf side) {
    if (object == nullptr || !object->is_object()) return;
    for (const auto& [name, value] : object->get_ref<const Json::object_t&>()) {
      const auto [place, fresh] = index.emplace(name, slots.all.size());
      if (fresh) slots.all.push_back({{}, true, name});
      slots.all[place->second].versions.*side = &value;
    }
  };
  add(objects.base, &Versions::base);
  slots.first_added = slots.all.size();
  add(objects.source, &Versions::source);
  slots.first_of_target = slots.all.size();
  add(objects.target, &Versions::target);
  return slots;
}

Slots slots_of_arrays(const Versions& arrays, bool repeats) {
  ArraySlots builder(repeats);
  builder.add(arrays.base, &Versions::base);
  builder.slots().first_added = builder.slots().all.size();
  builder.add(arrays.source, &Versions::source);
  builder.slots().first_of_target = builder.slots().all.size();
  builder.add(arrays.target, &Versions::target);
  return std::move(builder.slots());
}

}  // namespace syncnode::conflict
