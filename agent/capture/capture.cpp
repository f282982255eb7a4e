#include "capture/capture.h"

#include <algorithm>
#include <limits>

#include "capture/tree_walk.h"
#include "codec/bytes.h"
#include "codec/row_hash.h"

namespace syncnode::capture {
namespace {

// Read in no time: the log can wait for it.
constexpr uint64_t kBriefPass = uint64_t{16} << 20;

// What makes a map useless, but no run.
bool is_damage(const Error& error) {
  return error.code == ErrorCode::kCorruption || error.code == ErrorCode::kFailedPrecondition;
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

}  // namespace

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

void Capture::leave() {
  if (stands_) return;
  before_.reset();
  if (whole_) before_ = std::move(now_);
  checksums_before_.reset();
  whole_ = false;
  stands_ = true;
}

Status Capture::go_on(sqlite::Snapshot& snapshot, const SourceSchema& schema, Trail* trail) {
  leave();
  if (checksums_before_) checksums_ = std::move(checksums_before_);
  checksums_before_.reset();
  gone_on_ = true;
  Status looked = look(snapshot, schema, trail);
  stands_ = !looked;
  may_lack_pass_ = may_lack_pass_ || (looked && !lacks_pass_);  // of the next one
  return looked;
}

void Capture::go_back() {
  if (!gone_on_) return leave();
  whole_ = false;
  stands_ = true;
}

Status Capture::look(sqlite::Snapshot& snapshot, const SourceSchema& schema, Trail* trail) {
  findings_.clear();
  evidence_ = Evidence::kNone;
  pages_changed_ = rows_spared_ = 0;
  overflow_.clear();
  written_.reset();
  heads_.reset();
  now_ = {};
  usable_ = writable_ = laid_out_ = whole_ = false;
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
  if (!changed && !early_ && may_lack_pass_ && snapshot.holds_log() &&
      uint64_t{now_.map.page_count} * now_.map.page_size > kBriefPass) {
    lacks_pass_ = true;
    return {};
  }
  if (!changed) {
    changed.emplace(ChangedPages{Evidence::kChecksums, {}, {}});
    SN_ASSIGN(changed->scan, scan(snapshot, **pages, false));
  }
  evidence_ = changed->evidence;
  usable_ = true;
  Status followed = follow(snapshot, **pages, *changed);
  whole_ = followed.has_value();
  if (followed) return {};
  if (!is_damage(followed.error())) return followed;
  everything(followed.error().message);
  return {};
}

Status Capture::build_tree(TreeWalk& walk, const Definition& table) {
  Tree tree{0, table.source, table.fingerprint, table.root, table.by_rowid, {}, {}, {}};
  for (const Tree& other : now_.map.trees) tree.id = std::max(tree.id, other.id + 1);
  std::vector<uint32_t>& owner = now_.map.owner;
  if (table.by_rowid) {
    SN_TRY(walk.partition(tree));
    SN_TRY(TreeWalk::claim_interiors(tree, owner));
  } else {
    SN_TRY(walk.claim_index(tree, owner));
  }
  now_.map.trees.push_back(std::move(tree));
  return {};
}

Status Capture::build(sqlite::Snapshot& snapshot, sqlite::SourcePages& pages) {
  if (!usable_ && !laid_out_) {
    now_.map.trees.clear();
    now_.map.owner.assign(size_t{now_.map.page_count} + 1, 0);
    SN_ASSIGN(auto scan, this->scan(snapshot, pages, true));
    checksums_ = std::move(scan.checksums);
    heads_ = std::move(scan.heads);
    now_.stale.assign(now_.map.page_count / pages_per_unit(now_.map.page_size) + 1, false);
  }
  TreeWalk walk(snapshot, pages, heads_ ? &*heads_ : nullptr);
  SN_TRY(walk.begin());
  for (const auto& table : definitions_) {
    const bool known = std::any_of(now_.map.trees.begin(), now_.map.trees.end(),
                                   [&](const Tree& tree) { return tree.source == table.source; });
    if (!known) SN_TRY(build_tree(walk, table));
  }
  laid_out_ = true;
  return {};
}

// A damaged map is none: the next run compares everything, and tries again.
Status Capture::built(Status built) {
  whole_ = built.has_value();
  if (built || !is_damage(built.error())) return built;
  writable_ = false;
  return {};
}

Status Capture::lay_out(sqlite::Snapshot& snapshot) {
  if (!writable_) return {};
  SN_ASSIGN(auto* pages, snapshot.pages());
  return built(build(snapshot, *pages));
}

Status Capture::refresh(sqlite::Snapshot& snapshot, const std::set<std::string>& left_behind) {
  SN_TRY(lay_out(snapshot));
  if (writable_) SN_TRY(built(claim_rest(snapshot)));
  heads_.reset();
  if (!writable_) return {};
  for (const auto& table : left_behind) forget_table(table);
  return {};
}

Status Capture::save(const std::string& sync_id) {
  if (!writable_) return store_.forget();
  return store_.save(now_, before_ && !gone_on_ ? &*before_ : nullptr, checksums_ ? &*checksums_ : nullptr,
                     sync_id);
}

void Capture::keep() {
  if (writable_) store_.keep(std::move(now_));
}

}  // namespace syncnode::capture
