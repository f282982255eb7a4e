#include "capture/capture.h"

#include <algorithm>
#include <limits>

#include "capture/tree_walk.h"
#include "codec/bytes.h"
#include "codec/row_hash.h"

namespace syncnode::capture {
namespace {

constexpr size_t kMostKept = size_t{64} << 20;

// What makes a map useless, but no run.
bool is_damage(const Error& error) {
  return error.code == ErrorCode::kCorruption || error.code == ErrorCode::kFailedPrecondition;
}

int64_t first_key(const std::vector<Leaf>& leaves, size_t index) {
  return index == 0 ? std::numeric_limits<int64_t>::min() : leaves[index - 1].upper + 1;
}

// A table's rows can come to mean something else without a page of its tree: a column added, another
// identity.
std::string fingerprint_of(const SourceTable& table, int64_t root, std::string_view sql) {
  std::string text(sql);
  text.push_back('\0');
  codec::append_big_endian(text, static_cast<uint64_t>(root));
  text.push_back(static_cast<char>(table.identity));
  for (const size_t column : table.key_columns) codec::append_big_endian(text, static_cast<uint64_t>(column));
  std::string print;
  codec::append_row_hash(print, codec::bytes_hash(0, text));
  return print;
}

// Everything that the tree owns is to be nobody's.
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

}  // namespace

// What becomes of the owners while the trees are followed.
struct Capture::Work {
  const std::vector<bool>& touched;
  std::vector<bool> released;  // owners whose pages are nobody's until they are claimed again
  std::vector<std::pair<uint32_t, KeyRange>> leaves;  // to be claimed
  std::vector<Tree*> partitioned;                     // their interior pages are to be claimed
};

Status Capture::open() {
  auto stored = store_.load();
  if (stored) {
    before_ = std::move(*stored);
    return {};
  }
  if (!is_damage(stored.error())) return std::move(stored).error();
  why_not_ = stored.error().message;
  before_.reset();
  return {};
}

const Finding& Capture::finding(const std::string& table) const {
  static const Finding unknown{Finding::What::kEverything, {}, "it is not in the page map"};
  const auto found = findings_.find(table);
  return found == findings_.end() ? unknown : found->second;
}

void Capture::everything(const std::string& reason) {
  for (const auto& table : definitions_) findings_[table.source] = {Finding::What::kEverything, {}, reason};
  usable_ = false;
}

void Capture::define(const SourceSchema& schema) {
  definitions_.clear();
  std::map<std::string_view, const SourceObject*> objects;
  for (const auto& object : schema.objects) {
    if (object.type == "table") objects[object.name] = &object;
  }
  for (const auto& table : schema.tables) {
    const auto object = objects.find(table.name);
    if (object == objects.end()) continue;
    const int64_t root = object->second->root_page;
    definitions_.push_back({table.name, fingerprint_of(table, root, object->second->sql),
                            static_cast<uint32_t>(root), !table.without_rowid});
  }
}

Status Capture::find(sqlite::Snapshot& snapshot, const SourceSchema& schema, Trail* trail) {
  checksums_.reset();
  return look(snapshot, schema, trail);
}

Status Capture::go_on(sqlite::Snapshot& snapshot, const SourceSchema& schema, Trail* trail) {
  before_.reset();
  if (writable_) before_ = std::move(now_);
  gone_on_ = true;
  return look(snapshot, schema, trail);
}

Status Capture::look(sqlite::Snapshot& snapshot, const SourceSchema& schema, Trail* trail) {
  findings_.clear();
  evidence_ = Evidence::kNone;
  pages_changed_ = 0;
  now_ = {};
  usable_ = writable_ = false;
  define(schema);
  auto pages = snapshot.pages();
  if (!pages) {
    if (!is_damage(pages.error())) return std::move(pages).error();
    everything(pages.error().message);
    return {};
  }
  writable_ = true;
  SN_ASSIGN(now_.position, position_of(**pages));
  now_.map.page_size = (*pages)->page_size();
  now_.map.page_count = (*pages)->page_count();
  if (trail != nullptr) trail->met(now_.position);
  if (!before_) {
    everything(why_not_);
    return {};
  }
  if (before_->map.page_size != now_.map.page_size) {
    everything("its page size changed");
    return {};
  }
  SN_ASSIGN(auto changed, pages_told(**pages, before_->position, now_.position, trail));
  if (!changed) {
    changed.emplace(ChangedPages{Evidence::kChecksums, {}, {}});
    SN_ASSIGN(changed->scan, scan(snapshot, **pages, false));
  }
  evidence_ = changed->evidence;
  usable_ = true;
  auto touched = touched_owners(*changed);
  if (!touched && !is_damage(touched.error())) return std::move(touched).error();
  Status followed = touched ? Status() : Status(touched.error());
  if (followed) {
    TreeWalk walk(snapshot, **pages, nullptr);
    followed = walk.begin();
    if (followed) followed = follow_trees(walk, *touched);
  }
  if (followed) return {};
  if (!is_damage(followed.error())) return followed;
  everything(followed.error().message);
  return {};
}

// By page: it, or one whose rows go on in it or which it leads to, was written. Keeps the book of checksums.
Result<std::vector<bool>> Capture::touched_owners(ChangedPages& changed) {
  const PageMap& map = before_->map;
  const uint32_t per_unit = pages_per_unit(map.page_size);
  const size_t units = now_.map.page_count / per_unit + 1;
  std::vector<bool> touched(map.owner.size());
  const auto touch = [&](uint32_t page) {
    ++pages_changed_;
    if (map.owner_of(page) != 0) touched[map.owner_of(page)] = true;
  };
  pages_changed_ = 0;
  now_.stale = before_->stale;
  now_.stale.resize(units, true);
  if (!changed.scan) {
    for (const uint32_t page : changed.pages) {
      touch(page);
      if (page > 0 && (page - 1) / per_unit < units) now_.stale[(page - 1) / per_unit] = true;
    }
    return touched;
  }
  std::vector<uint64_t> known;
  if (gone_on_ && checksums_) known = std::move(*checksums_);
  if (!gone_on_) {
    SN_ASSIGN(known, store_.load_checksums());
  }
  checksums_ = std::move(changed.scan->checksums);
  const size_t all = std::max(map.owner.size(), size_t{now_.map.page_count} + 1);
  for (uint32_t page = 1; page < all; ++page) {
    const size_t unit = (page - 1) / per_unit;
    const bool same = unit < known.size() && unit < checksums_->size() && !before_->stale[unit] &&
                      known[unit] != 0 && known[unit] == (*checksums_)[unit];
    if (!same) touch(page);
  }
  now_.stale.assign(units, false);
  return touched;
}

Status Capture::follow_trees(TreeWalk& walk, const std::vector<bool>& touched) {
  now_.map.trees.clear();
  now_.map.trees.reserve(definitions_.size());  // Work keeps pointers to them
  now_.map.owner = before_->map.owner;
  Work work{touched, std::vector<bool>(before_->map.owner.size()), {}, {}};
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
  for (const Tree* tree : work.partitioned) SN_TRY(TreeWalk::claim_interiors(*tree, owner));
  for (const auto& [leaf, rows] : work.leaves) SN_TRY(walk.claim_leaf(leaf, rows.first, rows.last, owner));
  return {};
}

Status Capture::follow_tree(TreeWalk& walk, const Definition& table, const Tree& before, Work& work) {
  Finding& finding = findings_[table.source];
  finding.what = Finding::What::kUnchanged;
  if (!table.by_rowid) {
    if (work.touched[table.root]) {
      finding = {Finding::What::kEverything, {}, "it has no rowids"};
      work.released[table.root] = true;
    } else {
      now_.map.trees.push_back(before);
    }
    return {};
  }
  const auto is_touched = [&](uint32_t page) { return work.touched[page]; };
  bool parted_anew = std::any_of(before.interiors.begin(), before.interiors.end(), is_touched);
  parted_anew = parted_anew || is_touched(table.root);
  bool any = parted_anew;
  for (const Leaf& leaf : before.leaves) any = any || is_touched(leaf.page);
  now_.map.trees.push_back(before);
  if (!any) return {};
  Tree& now = now_.map.trees.back();
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
    work.leaves.emplace_back(new_leaves[j].page, KeyRange{first_key(new_leaves, j), new_leaves[j].upper});
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

std::optional<std::vector<bool>> Capture::needed_pages() const {
  const std::vector<uint32_t>& owner = now_.map.owner;
  const bool in_part = usable_ && std::all_of(findings_.begin(), findings_.end(), [](const auto& each) {
                         return each.second.what != Finding::What::kEverything;
                       });
  if (!in_part) return std::nullopt;
  std::vector<bool> needed(owner.size());
  std::vector<bool> leaves(owner.size());
  if (needed.size() > 1) needed[1] = true;
  for (const Tree& tree : now_.map.trees) {
    const Finding& found = finding(tree.source);
    if (found.what != Finding::What::kRanges) continue;
    needed[tree.root] = true;
    for (const uint32_t page : tree.interiors) needed[page] = true;
    size_t leaf = 0;
    for (const KeyRange& range : found.ranges.list()) {
      while (leaf < tree.leaves.size() && tree.leaves[leaf].upper < range.first) ++leaf;
      // That a range is over shows in the leaf behind it.
      for (size_t i = leaf; i < tree.leaves.size(); ++i) {
        (first_key(tree.leaves, i) <= range.last ? leaves : needed)[tree.leaves[i].page] = true;
        if (first_key(tree.leaves, i) > range.last) break;
      }
    }
  }
  size_t pages = 0;
  for (size_t page = 1; page < owner.size(); ++page) {
    if (owner[page] != 0 && leaves[owner[page]]) needed[page] = true;
    pages += needed[page] ? 1 : 0;
  }
  if (pages * now_.map.page_size > kMostKept) return std::nullopt;
  return needed;
}

Status Capture::build_tree(TreeWalk& walk, const Definition& table) {
  Tree tree{0, table.source, table.fingerprint, table.root, table.by_rowid, {}, {}};
  for (const Tree& other : now_.map.trees) tree.id = std::max(tree.id, other.id + 1);
  std::vector<uint32_t>& owner = now_.map.owner;
  if (table.by_rowid) {
    SN_TRY(walk.partition(tree));
    SN_TRY(TreeWalk::claim_interiors(tree, owner));
    for (size_t i = 0; i < tree.leaves.size(); ++i) {
      const Leaf& leaf = tree.leaves[i];
      SN_TRY(walk.claim_leaf(leaf.page, first_key(tree.leaves, i), leaf.upper, owner));
    }
  } else {
    SN_TRY(walk.claim_index(tree, owner));
  }
  now_.map.trees.push_back(std::move(tree));
  return {};
}

Status Capture::build(sqlite::Snapshot& snapshot, sqlite::SourcePages& pages) {
  std::optional<MainScan> scan;
  if (!usable_) {
    now_.map.trees.clear();
    now_.map.owner.assign(size_t{now_.map.page_count} + 1, 0);
    SN_ASSIGN(scan, this->scan(snapshot, pages, true));
    checksums_ = std::move(scan->checksums);
    now_.stale.assign(now_.map.page_count / pages_per_unit(now_.map.page_size) + 1, false);
  }
  TreeWalk walk(snapshot, pages, scan ? &scan->heads : nullptr);
  SN_TRY(walk.begin());
  for (const auto& table : definitions_) {
    const bool known = std::any_of(now_.map.trees.begin(), now_.map.trees.end(),
                                   [&](const Tree& tree) { return tree.source == table.source; });
    if (!known) SN_TRY(build_tree(walk, table));
  }
  return {};
}

Status Capture::refresh(sqlite::Snapshot& snapshot, const std::set<std::string>& left_behind) {
  if (!writable_) return {};
  SN_ASSIGN(auto* pages, snapshot.pages());
  Status built = build(snapshot, *pages);
  if (!built && is_damage(built.error())) {
    writable_ = false;  // the next run compares everything, and tries again
    return {};
  }
  SN_TRY(std::move(built));
  if (left_behind.empty()) return {};
  std::vector<bool> released(now_.map.owner.size());
  auto& trees = now_.map.trees;
  for (const Tree& tree : trees) {
    if (left_behind.count(tree.source) > 0) release(tree, released);
  }
  disown(released, now_.map.owner);
  trees.erase(std::remove_if(trees.begin(), trees.end(),
                             [&](const Tree& tree) { return left_behind.count(tree.source) > 0; }),
              trees.end());
  return {};
}

Status Capture::save(const std::string& sync_id) {
  if (!writable_) return store_.forget();
  return store_.save(now_, before_ && !gone_on_ ? &*before_ : nullptr, checksums_ ? &*checksums_ : nullptr,
                     sync_id);
}

}  // namespace syncnode::capture
