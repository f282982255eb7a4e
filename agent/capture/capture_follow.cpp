// Capture, bringing the page map from one snapshot to the next: which leaves were written, and which of their
// rows may have changed.
#include <algorithm>

#include "capture/capture.h"
#include "capture/row_marks.h"
#include "capture/tree_walk.h"

namespace syncnode::capture {

struct Capture::Written {
  std::vector<bool> pages;   // of either snapshot
  std::vector<bool> owners;  // as the map before had them: it, or a page whose rows go on in it, was written
};

struct Capture::WrittenTable {
  Tree* now = nullptr;
  const Tree* before = nullptr;
  std::vector<std::pair<uint32_t, KeyRange>> leaves;  // to be claimed, in their order
};

struct Capture::Work {
  const Written& written;
  std::vector<bool> released;  // owners whose pages are nobody's until they are claimed again
  std::vector<WrittenTable> tables;
  std::vector<Tree*> partitioned;  // their interior pages are to be claimed
};

// Keeps the book of checksums.
Result<Capture::Written> Capture::written_pages(ChangedPages& changed) {
  const PageMap& map = before_->map;
  const uint32_t per_unit = pages_per_unit(map.page_size);
  const size_t units = now_.map.page_count / per_unit + 1;
  const size_t all = std::max(map.owner.size(), size_t{now_.map.page_count} + 1);
  Written written{std::vector<bool>(all), std::vector<bool>(map.owner.size())};
  const auto touch = [&](uint32_t page) {
    ++pages_changed_;
    if (page < all) written.pages[page] = true;
    if (map.owner_of(page) != 0) written.owners[map.owner_of(page)] = true;
  };
  now_.stale = before_->stale;
  now_.stale.resize(units, true);
  if (!changed.scan) {
    for (const uint32_t page : changed.pages) {
      touch(page);
      if (page > 0 && (page - 1) / per_unit < units) now_.stale[(page - 1) / per_unit] = true;
    }
    return written;
  }
  std::vector<uint64_t> known;
  if (gone_on_ && checksums_) known = std::move(*checksums_);
  if (!gone_on_) {
    SN_ASSIGN(known, store_.load_checksums());
  }
  checksums_ = std::move(changed.scan->checksums);
  for (uint32_t page = 1; page < all; ++page) {
    const size_t unit = (page - 1) / per_unit;
    const bool same = unit < known.size() && unit < checksums_->size() && unit < before_->stale.size() &&
                      !before_->stale[unit] && known[unit] != 0 && known[unit] == (*checksums_)[unit];
    if (!same) touch(page);
  }
  if (gone_on_) checksums_before_ = std::move(known);
  now_.stale.assign(units, false);
  return written;
}

Status Capture::follow(sqlite::Snapshot& snapshot, sqlite::SourcePages& pages, ChangedPages& changed) {
  SN_ASSIGN(Written written, written_pages(changed));
  TreeWalk walk(snapshot, pages, nullptr);
  SN_TRY(walk.begin());
  now_.map.trees.clear();
  now_.map.trees.reserve(definitions_.size());  // Work keeps pointers to them
  now_.map.owner = before_->map.owner;
  Work work{written, std::vector<bool>(before_->map.owner.size()), {}, {}};
  for (const Tree& tree : before_->map.trees) {
    const auto table =
        std::find_if(definitions_.begin(), definitions_.end(), [&](const Definition& definition) {
          return definition.source == tree.source && definition.fingerprint == tree.fingerprint &&
                 definition.root == tree.root && definition.by_rowid == tree.by_rowid;
        });
    if (table != definitions_.end()) {
      SN_TRY(follow_tree(walk, *table, tree, work));
      continue;
    }
    release(tree, work.released);
  }
  for (const auto& table : definitions_) {
    if (findings_.count(table.source) > 0) continue;
    findings_[table.source] = {Finding::What::kEverything, {}, "it is new, or its definition changed"};
  }
  std::vector<uint32_t>& owner = now_.map.owner;
  disown(work.released, owner);
  owner.resize(size_t{now_.map.page_count} + 1);
  // A file that became shorter, and a tree of it that did not, although no page of it was written.
  if (!now_.map.is_whole()) {
    return Error{ErrorCode::kCorruption, "pages of a table are beyond the file's end", ""};
  }
  for (const Tree* tree : work.partitioned) SN_TRY(TreeWalk::claim_interiors(*tree, owner));
  for (const auto& table : work.tables) SN_TRY(claim_rows(walk, written, table));
  written_ = std::move(written.pages);
  return {};
}

Status Capture::follow_tree(TreeWalk& walk, const Definition& table, const Tree& before, Work& work) {
  Finding& finding = findings_[table.source];
  finding.what = Finding::What::kUnchanged;
  if (!table.by_rowid) {
    if (work.written.owners[table.root]) {
      finding = {Finding::What::kEverything, {}, "it has no rowids"};
      work.released[table.root] = true;
    } else {
      now_.map.trees.push_back(before);
    }
    return {};
  }
  const auto is_touched = [&](uint32_t page) { return work.written.owners[page]; };
  bool parted_anew = std::any_of(before.interiors.begin(), before.interiors.end(), is_touched);
  parted_anew = parted_anew || is_touched(table.root);
  bool any = parted_anew;
  for (const Leaf& leaf : before.leaves) any = any || is_touched(leaf.page);
  now_.map.trees.push_back(before);
  if (!any) return {};
  Tree& now = now_.map.trees.back();
  work.tables.push_back({&now, &before, {}});
  if (parted_anew) {
    SN_TRY(walk.partition(now));
    for (const uint32_t page : before.interiors) work.released[page] = true;
    work.partitioned.push_back(&now);
  }
  // Both lists part all rowids. An entry that both have, and whose pages nobody wrote, holds the same rows.
  const std::vector<Leaf>& old_leaves = before.leaves;
  const std::vector<Leaf>& new_leaves = now.leaves;
  const auto drop = [&](size_t i) {
    finding.ranges.add({first_key(old_leaves, i), old_leaves[i].upper});
    work.released[old_leaves[i].page] = true;
  };
  const auto take = [&](size_t j) {
    finding.ranges.add({first_key(new_leaves, j), new_leaves[j].upper});
    work.tables.back().leaves.emplace_back(new_leaves[j].page,
                                           KeyRange{first_key(new_leaves, j), new_leaves[j].upper});
  };
  for (size_t i = 0, j = 0; i < old_leaves.size() || j < new_leaves.size();) {
    const bool both = i < old_leaves.size() && j < new_leaves.size();
    if (both && old_leaves[i] == new_leaves[j] && first_key(old_leaves, i) == first_key(new_leaves, j) &&
        !is_touched(old_leaves[i].page)) {
      ++i, ++j;
    } else if (j == new_leaves.size() || (both && old_leaves[i].upper < new_leaves[j].upper)) {
      drop(i++);
    } else if (i == old_leaves.size() || old_leaves[i].upper > new_leaves[j].upper) {
      take(j++);
    } else {
      drop(i++);
      take(j++);
    }
  }
  finding.ranges.settle();
  finding.what = finding.ranges.empty() ? Finding::What::kUnchanged : Finding::What::kRanges;
  return {};
}

// Of the rows in a leaf that was written, long ones may be what they were.
Status Capture::claim_rows(TreeWalk& walk, const Written& written, const WrittenTable& table) {
  Finding& finding = findings_[table.now->source];
  std::vector<RowMark> marks;
  std::vector<int64_t> same;
  const auto is_written = [&](uint32_t page) { return written.pages[page]; };
  const auto claim = [&](const Cell& cell, const std::vector<uint32_t>& overflow) {
    const auto mark = mark_of(memory_.seed(), cell);
    if (mark) marks.push_back(*mark);
    const bool is_same = mark && is_among(table.before->marks, *mark) &&
                         std::none_of(overflow.begin(), overflow.end(), is_written);
    if (is_same) {
      same.push_back(cell.rowid);
    } else {
      overflow_.insert(overflow_.end(), overflow.begin(), overflow.end());
    }
  };
  for (const auto& [leaf, rows] : table.leaves) SN_TRY(walk.claim_leaf(leaf, rows, now_.map.owner, claim));
  replace_marks(table.now->marks, finding.ranges, marks);
  finding.ranges.leave_out(same);
  rows_spared_ += same.size();
  finding.what = finding.ranges.empty() ? Finding::What::kUnchanged : Finding::What::kRanges;
  return {};
}

}  // namespace syncnode::capture
