#include "conflict/json_merge.h"

#include <fmt/format.h>

#include <algorithm>

#include "conflict/json_equal.h"
#include "conflict/merge_slots.h"
#include "conflict/message_tree.h"

namespace syncnode::conflict {
namespace {

constexpr int kDeepest = 64;

// What is known about a place before its values are looked at.
struct Place {
  const RuleTree* rules = nullptr;
  std::optional<FieldRule> rule;  // its own, or append and union from above
  bool by_members = false;        // below a column that has rules for some of its members
  int depth = 0;

  bool collects() const { return rule == FieldRule::kAppend || rule == FieldRule::kUnion; }

  Place below(std::string_view name) const {
    const RuleTree* tree = rules != nullptr ? rules->member(name) : nullptr;
    auto own = tree != nullptr && tree->rule ? tree->rule : rule;
    return {tree, own, by_members, depth + 1};
  }
};

class JsonMerge {
 public:
  JsonMerge(Side newest, MergeTrace& trace, std::string_view path)
      : newest_(newest), trace_(trace), path_(path) {}

  std::optional<Json> value(const Versions& at, const Place& place) {
    if (same_json(at.source, at.target) || same_json(at.base, at.target)) return copy(at.source);
    if (same_json(at.base, at.source)) return copy(at.target);
    if (place.rule == FieldRule::kSourceWins) return copy(at.source);
    if (place.rule == FieldRule::kTargetWins) return copy(at.target);
    if (at.source == nullptr) return copy(at.target);
    if (at.target == nullptr) return copy(at.source);
    if (place.collects() && at.source->is_null()) return copy(at.target);
    if (place.collects() && at.target->is_null()) return copy(at.source);
    if (place.depth < kDeepest && at.source->is_object() && at.target->is_object() &&
        (place.collects() || (place.by_members && !place.rule))) {
      return object(at, place);
    }
    if (place.depth < kDeepest && at.source->is_array() && at.target->is_array() && place.collects()) {
      return array(at, place);
    }
    note_newest();
    return copy(newest_ == Side::kSource ? at.source : at.target);
  }

 private:
  static std::optional<Json> copy(const Json* value) {
    return value == nullptr ? std::nullopt : std::optional<Json>(*value);
  }

  Json object(const Versions& at, const Place& place) {
    const Slots slots = slots_of_objects(at);
    Json out = Json::object();
    auto& members = out.get_ref<Json::object_t&>();
    for (size_t i : slots.order()) {
      const Slot& slot = slots.all[i];
      const size_t length = path_.size();
      path_ += path_.empty() ? "" : ".";
      path_ += slot.name;
      // Appended without a search, which the library's ordered map would make through all members.
      if (auto merged = value(slot.versions, place.below(slot.name))) {
        members.emplace_back(std::string(slot.name), *std::move(merged));
      }
      path_.resize(length);
    }
    if (place.collects()) relink_children(out);
    settle_current(out, at, newest_);
    return out;
  }

  Json array(const Versions& at, const Place& place) {
    const Slots slots = slots_of_arrays(at, place.rule == FieldRule::kAppend);
    Json out = Json::array();
    const Place below{nullptr, place.rule, place.by_members, place.depth + 1};
    for (size_t i : slots.order()) {
      const Slot& slot = slots.all[i];
      std::optional<Json> merged = slot.keyed ? value(slot.versions, below) : unchanging(slot.versions);
      if (merged) out.push_back(*std::move(merged));
    }
    return out;
  }

  // Of an element without an id: it is there or not, on each side.
  static std::optional<Json> unchanging(const Versions& at) {
    const bool removed = at.base != nullptr && (at.source == nullptr || at.target == nullptr);
    if (removed) return std::nullopt;
    return copy(at.source != nullptr ? at.source : at.target);
  }

  void note_newest() {
    if (trace_.newest_count++ < MergeTrace::kMostPaths) trace_.newest_paths.push_back(path_);
  }

  const Side newest_;
  MergeTrace& trace_;
  std::string path_;
};

}  // namespace

const RuleTree* RuleTree::member(std::string_view wanted) const {
  const auto found =
      std::find_if(members.begin(), members.end(), [&](const RuleTree& tree) { return tree.name == wanted; });
  return found == members.end() ? nullptr : &*found;
}

RuleTree rule_tree(const std::vector<MergeRule>& rules) {
  RuleTree root;
  for (const auto& [path, rule] : rules) {
    RuleTree* at = &root;
    std::string_view rest = path;
    while (true) {
      const size_t point = rest.find('.');
      const auto name = rest.substr(0, point);
      auto found = std::find_if(at->members.begin(), at->members.end(),
                                [&](const RuleTree& tree) { return tree.name == name; });
      if (found == at->members.end()) {
        found = at->members.insert(found, RuleTree{std::string(name), std::nullopt, {}});
      }
      at = &*found;
      if (point == std::string_view::npos) break;
      rest.remove_prefix(point + 1);
    }
    at->rule = rule;
  }
  return root;
}

std::optional<Json> merge_json(const Versions& versions, const RuleTree* rules, std::string_view path,
                               Side newest, MergeTrace& trace) {
  Place place;
  place.rules = rules;
  if (rules != nullptr) {
    place.rule = rules->rule;
    place.by_members = !rules->members.empty();
  }
  return JsonMerge(newest, trace, path).value(versions, place);
}

}  // namespace syncnode::conflict
