#include "capture/page_map.h"

#include <algorithm>
#include <limits>

namespace syncnode::capture {

int64_t first_key(const std::vector<Leaf>& leaves, size_t index) {
  return index == 0 ? std::numeric_limits<int64_t>::min() : leaves[index - 1].upper + 1;
}

void release(const Tree& tree, std::vector<bool>& released) {
  released[tree.root] = true;
  for (const Leaf& leaf : tree.leaves) released[leaf.page] = true;
  for (const uint32_t page : tree.interiors) released[page] = true;
}

void disown(const std::vector<bool>& released, std::vector<uint32_t>& owner) {
  for (uint32_t& by : owner) {
    if (by != 0 && released[by]) by = 0;
  }
}

bool PageMap::is_whole() const {
  const auto is_there = [&](uint32_t page) { return page > 0 && page <= page_count; };
  return std::all_of(trees.begin(), trees.end(),
                     [&](const Tree& tree) {
                       return is_there(tree.root) &&
                              std::all_of(tree.interiors.begin(), tree.interiors.end(), is_there) &&
                              std::all_of(tree.leaves.begin(), tree.leaves.end(),
                                          [&](const Leaf& leaf) { return is_there(leaf.page); });
                     }) &&
         std::all_of(owner.begin(), owner.end(), [&](uint32_t page) { return page <= page_count; });
}

}  // namespace syncnode::capture
