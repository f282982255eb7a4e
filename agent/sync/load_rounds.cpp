#include "sync/load_rounds.h"

#include <algorithm>
#include <limits>

namespace syncnode::sync {

void LoadRounds::finished(const std::string& table) {
  loads_[table].reached = std::numeric_limits<int64_t>::max();
}

// A row differs between the snapshot it was read in and the last one only if it does between two that follow
// each other, and then its rowid is among what was found for these two, at a time when it was read already.
// Beyond what was read the load itself goes on.
void LoadRounds::turned(const capture::Capture& capture) {
  using What = capture::Finding::What;
  ++turns_;
  for (const uint32_t page : capture.overflow()) {
    if (page >= overflow_.size()) overflow_.resize(size_t{page} + 1);
    overflow_[page] = true;
  }
  for (auto& [table, load] : loads_) {
    const capture::Finding& finding = capture.finding(table);
    if (!load.reached || finding.what == What::kUnchanged) continue;
    load.lost = load.lost || finding.what == What::kEverything;
    for (const auto& range : finding.ranges.list())
      load.changed.add({range.first, std::min(range.last, *load.reached)});
    load.changed.settle();
  }
}

const capture::KeyRanges* LoadRounds::changed(const std::string& table) {
  const Load& load = loads_.at(table);
  return load.lost ? nullptr : &load.changed;
}

bool LoadRounds::has_lost() const {
  return std::any_of(loads_.begin(), loads_.end(), [](const auto& each) { return each.second.lost; });
}

}  // namespace syncnode::sync
