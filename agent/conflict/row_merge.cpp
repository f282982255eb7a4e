#include "conflict/row_merge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "conflict/json_equal.h"
#include "conflict/merge_slots.h"
#include "conflict/printable.h"
#include "conflict/text_structure.h"

namespace syncnode::conflict {
namespace {

// Columns with one origin, for a sentence that stays readable.
class Names {
 public:
  void add(std::string_view name) {
    if (count_++ < kMost) names_.push_back(cut_to(name, kMostColumns));
  }
  bool empty() const { return count_ == 0; }
  std::string text() const {
    std::string out = fmt::format("{}", fmt::join(names_, ", "));
    return count_ <= kMost ? out : fmt::format("{} and {} more", out, count_ - kMost);
  }

 private:
  static constexpr size_t kMost = 8;
  static constexpr size_t kMostColumns = 80;  // a path in users' JSON has no bound of its own
  std::vector<std::string> names_;
  size_t count_ = 0;
};

class RowMerge {
 public:
  RowMerge(const std::vector<MergeRule>& rules, Side newest) : tree_(rule_tree(rules)), newest_(newest) {}

  MergedRow merge(const RowImages& images) {
    const Slots slots =
        slots_of_objects({images.base ? &*images.base : nullptr, &*images.source, &*images.target});
    MergedRow out{Json::object(), {}, ""};
    for (const Slot& slot : slots.all) {
      if (auto value = column(slot.name, slot.versions)) {
        out.columns.push_back({std::string(slot.name), origin_of(*value, slot.versions)});
        out.row.get_ref<Json::object_t&>().emplace_back(std::string(slot.name), *std::move(value));
      }
    }
    out.account = account();
    return out;
  }

 private:
  static MergedColumn::Origin origin_of(const Json& value, const Versions& at) {
    if (same_json(&value, at.target)) return MergedColumn::Origin::kTarget;
    return same_json(&value, at.source) ? MergedColumn::Origin::kSource : MergedColumn::Origin::kMerged;
  }

  std::string account() const {
    std::string out;
    const auto say = [&](std::string_view words, const Names& names) {
      if (!names.empty()) out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", words, names.text());
    };
    say("changed by the source alone", from_source_);
    say("changed by the target alone", from_target_);
    say("by its rule the source's", by_rule_source_);
    say("by its rule the target's", by_rule_target_);
    say("merged", merged_);
    Names newest;
    for (const auto& path : trace_.newest_paths) newest.add(path);
    const size_t more = trace_.newest_count - trace_.newest_paths.size();
    say(newest_ == Side::kSource ? "changed by both, so the source's" : "changed by both, so the target's",
        newest);
    if (more > 0) out += fmt::format(" and {} more", more);
    return out;
  }

  std::optional<Json> column(std::string_view name, const Versions& at) {
    const RuleTree* rules = tree_.member(name);
    if (!note_origin(name, at, rules)) return merge_json(at, rules, name, newest_, trace_);
    const size_t decided_by_time = trace_.newest_count;
    auto value = in_text(name, at, *rules);
    if (!value) value = merge_json(at, rules, name, newest_, trace_);
    const Json* result = value ? &*value : nullptr;
    const bool taken_whole = trace_.newest_count > decided_by_time &&
                             (same_json(result, at.source) || same_json(result, at.target));
    if (!taken_whole) merged_.add(name);  // else the trace says it
    return value;
  }

  // True when the column is to be merged by what is in it.
  bool note_origin(std::string_view name, const Versions& at, const RuleTree* rules) {
    if (same_json(at.source, at.target)) return false;
    if (same_json(at.base, at.target)) return from_source_.add(name), false;
    if (same_json(at.base, at.source)) return from_target_.add(name), false;
    if (rules == nullptr || rules->rule == FieldRule::kNewestWins) return false;
    if (rules->rule == FieldRule::kSourceWins) return by_rule_source_.add(name), false;
    if (rules->rule == FieldRule::kTargetWins) return by_rule_target_.add(name), false;
    return true;
  }

  std::optional<Json> in_text(std::string_view name, const Versions& at, const RuleTree& rules) {
    const auto source = structure_in(at.source);
    const auto target = structure_in(at.target);
    if (!source || !target) return std::nullopt;
    const auto base = structure_in(at.base);
    const auto merged =
        merge_json({base ? &*base : nullptr, &*source, &*target}, &rules, name, newest_, trace_);
    // Equal as JSON and not as text: the text is kept as one side wrote it.
    if (same_json(*merged, *source)) return *at.source;
    if (same_json(*merged, *target)) return *at.target;
    return Json(json::to_text(*merged));
  }

  const RuleTree tree_;
  const Side newest_;
  MergeTrace trace_;
  Names from_source_, from_target_, by_rule_source_, by_rule_target_, merged_;
};

}  // namespace

MergedRow merge_row(const RowImages& images, const std::vector<MergeRule>& rules, Side newest) {
  return RowMerge(rules, newest).merge(images);
}

}  // namespace syncnode::conflict
