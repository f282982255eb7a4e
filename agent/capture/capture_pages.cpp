// Capture, which pages reading some rows will touch: they are copied, and the application's log, or its lock,
// let go of, before the rows are read.
#include <algorithm>
#include <limits>
#include <utility>

#include "capture/capture.h"

namespace syncnode::capture {
namespace {

constexpr size_t kMostKept = size_t{64} << 20;

// Of a table's b-tree: what leads to the rows of a range, the leaves that hold them, and the one behind, in
// which it shows that the range is over. `leaf`: where the search for the range may begin, and has ended.
void add_range(const Tree& tree, const KeyRange& range, size_t& leaf, std::vector<bool>& needed) {
  needed[tree.root] = true;
  for (const uint32_t page : tree.interiors) needed[page] = true;
  while (leaf < tree.leaves.size() && tree.leaves[leaf].upper < range.first) ++leaf;
  for (size_t i = leaf; i < tree.leaves.size(); ++i) {
    needed[tree.leaves[i].page] = true;
    if (first_key(tree.leaves, i) > range.last) break;
  }
}

size_t bytes_of(const std::vector<bool>& pages, uint32_t page_size) {
  return static_cast<size_t>(std::count(pages.begin(), pages.end(), true)) * page_size;
}

}  // namespace

Tree* Capture::tree_of(const std::string& table) {
  return const_cast<Tree*>(std::as_const(*this).tree_of(table));
}

const Tree* Capture::tree_of(const std::string& table) const {
  const auto tree = std::find_if(now_.map.trees.begin(), now_.map.trees.end(),
                                 [&](const Tree& each) { return each.source == table; });
  return whole_ && tree != now_.map.trees.end() && tree->by_rowid ? &*tree : nullptr;
}

std::optional<std::vector<bool>> Capture::needed_pages() const {
  const bool in_part = usable_ && std::all_of(findings_.begin(), findings_.end(), [](const auto& each) {
                         return each.second.what != Finding::What::kEverything;
                       });
  if (!in_part) return std::nullopt;
  std::vector<bool> needed(now_.map.owner.size());
  if (needed.size() > 1) needed[1] = true;
  for (const Tree& tree : now_.map.trees) {
    const Finding& found = finding(tree.source);
    if (found.what != Finding::What::kRanges) continue;
    size_t leaf = 0;
    for (const KeyRange& range : found.ranges.list()) add_range(tree, range, leaf, needed);
  }
  for (const uint32_t page : overflow_) needed[page] = true;
  if (bytes_of(needed, now_.map.page_size) > kMostKept) return std::nullopt;
  return needed;
}

std::optional<std::vector<bool>> Capture::pages_of(const std::map<std::string, const KeyRanges*>& tables,
                                                   const std::vector<bool>& overflow,
                                                   size_t most_bytes) const {
  if (!whole_) return std::nullopt;
  std::vector<bool> needed(now_.map.owner.size());
  const KeyRange all{std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  size_t found = 0;
  for (const Tree& tree : now_.map.trees) {
    const auto table = tables.find(tree.source);
    if (table == tables.end()) continue;
    ++found;
    size_t leaf = 0;
    if (table->second == nullptr) add_range(tree, all, leaf, needed);
  }
  if (found < tables.size()) return std::nullopt;
  add_owned(needed);
  for (const Tree& tree : now_.map.trees) {
    const auto table = tables.find(tree.source);
    if (table == tables.end() || table->second == nullptr) continue;
    size_t leaf = 0;
    for (const KeyRange& range : table->second->list()) add_range(tree, range, leaf, needed);
  }
  for (size_t page = 1; page < std::min(overflow.size(), needed.size()); ++page) {
    if (overflow[page]) needed[page] = true;
  }
  if (needed.size() > 1) needed[1] = true;
  if (bytes_of(needed, now_.map.page_size) > most_bytes) return std::nullopt;
  return needed;
}

// Where the rows of the leaves among them go on.
void Capture::add_owned(std::vector<bool>& needed) const {
  const std::vector<bool> leaves = needed;
  for (size_t page = 1; page < needed.size(); ++page) {
    const uint32_t owner = now_.map.owner[page];
    if (owner != 0 && leaves[owner]) needed[page] = true;
  }
}

// The leaves from `first` to the one before `end`, which were claimed.
Capture::Part Capture::part(const Tree& tree, size_t first, size_t end) const {
  Part part{std::vector<bool>(now_.map.owner.size()), tree.leaves[end - 1].upper};
  if (part.pages.size() > 1) part.pages[1] = true;
  size_t leaf = first;
  add_range(tree, {first_key(tree.leaves, first), part.last}, leaf, part.pages);
  add_owned(part.pages);
  return part;
}

}  // namespace syncnode::capture
