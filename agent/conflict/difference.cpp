#include "conflict/difference.h"

#include <fmt/format.h>

#include <algorithm>

#include "conflict/json_equal.h"
#include "conflict/list_summary.h"
#include "conflict/merge_slots.h"
#include "conflict/printable.h"
#include "conflict/text_structure.h"

namespace syncnode::conflict {
namespace {

constexpr int kDeepest = 64;
constexpr size_t kShownColumns = 76;
constexpr const char* kDeleted = "deleted it";

template <typename Is>
bool all_present(const Versions& at, const Is& is) {
  return at.source != nullptr && at.target != nullptr && is(*at.source) && is(*at.target) &&
         (at.base == nullptr || is(*at.base));
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : json::to_text(value);
}

size_t first_difference(const Json* value, const Json* other) {
  if (value == nullptr || other == nullptr) return 0;
  const std::string ours = printable(text_of(*value));
  const std::string theirs = printable(text_of(*other));
  const size_t common = std::min(ours.size(), theirs.size());
  return static_cast<size_t>(std::mismatch(ours.begin(), ours.begin() + common, theirs.begin()).first -
                             ours.begin());
}

std::optional<std::string> shown(const Json* value, size_t from) {
  if (value == nullptr) return std::nullopt;
  const std::string text = cut_around(printable(text_of(*value)), from, kShownColumns);
  return value->is_string() ? fmt::format("\"{}\"", text) : text;
}

class Comparer {
 public:
  explicit Comparer(bool has_base) : has_base_(has_base) {}

  void compare(const std::string& path, const Versions& at, int depth) {
    if (same_json(at.source, at.target) && (!has_base_ || same_json(at.base, at.source))) return;
    if (depth < kDeepest && all_present(at, [](const Json& value) { return value.is_object(); })) {
      return is_map_by_id(at) ? list(path, at, slots_of_objects(at), depth) : members(path, at, depth);
    }
    if (depth < kDeepest && all_present(at, [](const Json& value) { return value.is_array(); })) {
      return list(path, at, slots_of_arrays(at, true), depth);
    }
    if (!in_text(path, at, depth)) leaf(path, at);
  }

  std::vector<Difference>& found() { return found_; }

 private:
  static std::string below(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
  }

  void members(const std::string& path, const Versions& at, int depth) {
    for (const Slot& slot : slots_of_objects(at).all) {
      compare(below(path, slot.name), slot.versions, depth + 1);
    }
  }

  void list(const std::string& path, const Versions& at, const Slots& slots, int depth) {
    auto summary = summarize_list(path, at, slots);
    if (!summary) return leaf(path, at);  // the same elements in another order, or children alone
    found_.push_back(*std::move(summary));
    for (const Slot& slot : slots.all) element(path, slot, depth);
  }

  // Of an element that both sides still have, what differs inside.
  void element(const std::string& path, const Slot& slot, int depth) {
    const Versions& at = slot.versions;
    if (!slot.keyed || at.source == nullptr || at.target == nullptr || !at.source->is_object()) return;
    if (at.base == nullptr && same_json(at.source, at.target)) return;  // the summary says it
    if (!element_differs(at.base, at.source) && !element_differs(at.base, at.target)) return;
    const Json* id = member_of(at.source, "id");
    const std::string name = !slot.name.empty() ? std::string(slot.name) : text_of(*id);
    for (const Slot& member : slots_of_objects(at).all) {
      if (member.name != "childrenIds") {
        compare(below(below(path, name), member.name), member.versions, depth + 2);
      }
    }
  }

  bool in_text(const std::string& path, const Versions& at, int depth) {
    const auto source = structure_in(at.source);
    const auto target = structure_in(at.target);
    if (!source || !target || depth > 1) return false;
    const auto base = structure_in(at.base);
    const size_t before = found_.size();
    compare(path, {base ? &*base : nullptr, &*source, &*target}, depth + 1);
    return found_.size() > before;  // else the texts differ in their writing only
  }

  void leaf(const std::string& path, const Versions& at) {
    Difference out;
    out.path = path;
    const Json* source_before = at.base != nullptr ? at.base : at.target;
    const Json* target_before = at.base != nullptr ? at.base : at.source;
    const size_t source_from = first_difference(at.source, source_before);
    const size_t target_from = first_difference(at.target, target_before);
    out.source_changed = !same_json(at.source, source_before);
    out.target_changed = !same_json(at.target, target_before);
    out.base = shown(at.base, out.source_changed ? source_from : target_from);
    out.source = shown(at.source, source_from);
    out.target = shown(at.target, target_from);
    found_.push_back(std::move(out));
  }

  const bool has_base_;  // of the row; without one only what the sides differ in counts
  std::vector<Difference> found_;
};

// What the side that still has the row changed; the other one is left out.
std::vector<Difference> against_delete(const RowImages& images) {
  const bool source_left = images.source.has_value();
  const Json* left = source_left ? &*images.source : images.target ? &*images.target : nullptr;
  Comparer comparer(true);
  if (images.base && left != nullptr) comparer.compare("", {&*images.base, left, left}, 0);
  std::vector<Difference> out;
  const auto state = [](const std::optional<Json>& image) { return image ? "has the row" : kDeleted; };
  out.push_back({"", images.base ? "had the row" : "not known", state(images.source), state(images.target),
                 true, true});
  for (auto& difference : comparer.found()) {
    auto& gone = source_left ? difference.target : difference.source;
    gone.reset();
    (source_left ? difference.target_changed : difference.source_changed) = true;
    out.push_back(std::move(difference));
  }
  return out;
}

}  // namespace

std::vector<Difference> differences(const RowImages& images) {
  if (!images.source || !images.target) return against_delete(images);
  Comparer comparer(images.base.has_value());
  comparer.compare("", {images.base ? &*images.base : nullptr, &*images.source, &*images.target}, 0);
  return std::move(comparer.found());
}

std::string to_lines(const std::vector<Difference>& differences) {
  constexpr size_t kMostColumns = 100;
  std::string out;
  const auto line = [&](const std::string& text) { out += cut_to(text, kMostColumns) + "\n"; };
  const bool about_delete = !differences.empty() && differences.front().path.empty();
  const bool source_gone = about_delete && differences.front().source == kDeleted;
  const bool target_gone = about_delete && differences.front().target == kDeleted;
  for (const auto& difference : differences) {
    const bool whole = difference.path.empty();
    const auto side = [&](const char* label, const std::optional<std::string>& value, bool changed) {
      const std::string text = value.value_or("not there");
      line(label + (changed || !difference.base ? text : "as base"));
    };
    line(whole ? "the row" : printable(difference.path));
    line("  base    " + difference.base.value_or("not there"));
    if (whole || !source_gone) side("  source  ", difference.source, difference.source_changed);
    if (whole || !target_gone) side("  target  ", difference.target, difference.target_changed);
  }
  return out;
}

}  // namespace syncnode::conflict
