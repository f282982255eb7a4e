// Merging JSON: three-way where a base is known, two-way where it is not. A member or an element that changed
// on one side only is that side's; one that was removed on one side and changed on the other stays; where
// both changed a rule decides, or else the newer side. Refuses to lose what either side added: it is in the
// result, once. Nesting beyond 64 levels is not looked into: the newer side's value is taken whole. Time is
// linear in the values, times the depth at which they differ. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conflict/policy.h"

namespace syncnode::conflict {

enum class Side { kSource, kTarget };

// The rules below one place, by the names of its members. At the top those are the columns of a row.
struct RuleTree {
  std::string name;
  std::optional<FieldRule> rule;
  std::vector<RuleTree> members;  // empty where `rule` is given

  const RuleTree* member(std::string_view wanted) const;  // nullptr: no rule at or below it
};
RuleTree rule_tree(const std::vector<MergeRule>& rules);

// One place in the three versions; nullptr where it does not exist, and for a base that is not known.
struct Versions {
  const Json* base = nullptr;
  const Json* source = nullptr;
  const Json* target = nullptr;
};

// Where both sides had changed a value and the newer side's was taken, for the notes.
struct MergeTrace {
  static constexpr size_t kMostPaths = 6;
  std::vector<std::string> newest_paths;  // at most so many
  size_t newest_count = 0;
};

// The value of a column under its rules (nullptr: none, then the newer side's is taken whole). Nothing: the
// place does not exist in the result. What `append` and `union` do with each kind of value:
// docs/CONFLICTS.md.
std::optional<Json> merge_json(const Versions& versions, const RuleTree* rules, std::string_view path,
                               Side newest, MergeTrace& trace);

}  // namespace syncnode::conflict
