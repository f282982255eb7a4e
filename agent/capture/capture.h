// Capture: finds which rowids of which tables may have changed between the snapshot that the local memory
// describes and a new one, by looking at the pages that were written in between (docs/capture.md). May say
// too much, never too little; what it does not understand it leaves to the full comparison, with the reason.
// Refuses to read rows or to decide what changed in them. One run, one thread; every call inside one snapshot
// may return kAborted when that broke.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "capture/changed_pages.h"
#include "capture/early_scan.h"
#include "capture/key_ranges.h"
#include "capture/map_store.h"
#include "model/source_schema.h"

namespace syncnode::capture {

class TreeWalk;

// Of one table.
struct Finding {
  enum class What { kUnchanged, kRanges, kEverything };
  What what = What::kEverything;
  KeyRanges ranges;    // kRanges
  std::string reason;  // kEverything: why it must be compared as a whole
};

class Capture {
 public:
  // `shelf` may be null, and outlives it; `client` is that of the memory there.
  explicit Capture(memory::Memory& memory, MapShelf* shelf = nullptr, std::string client = "")
      : memory_(memory), store_(memory, shelf, std::move(client)) {}

  // Reads the map of the memory's sync id. Without one, or with a damaged one, everything has to be compared.
  Status open();
  // There is a map: a snapshot will be read in a few pages.
  bool is_ready() const { return before_.has_value(); }

  // Before the snapshot is opened: the pass over the main file that it will probably need. In rollback mode
  // not where the file `is_copied` into memory at once. `path`, `stop`: see EarlyScan::take().
  void read_ahead(const std::string& path, Trail* trail, bool is_copied, const std::stop_token& stop);
  // After read_ahead(), a guess: log, trail or journals will tell which pages were written / the pass that
  // tells it else was made.
  bool is_told() const { return told_; }
  bool has_passed() const { return early_.has_value(); }
  // `trail` may be null.
  Status find(sqlite::Snapshot& snapshot, const SourceSchema& schema, Trail* trail);
  // Nothing was found: a pass over the main file is needed after all, and would be in the way of the log that
  // the snapshot holds. To be made before another one is opened; a second time find() does not ask for it.
  bool lacks_pass() const { return lacks_pass_; }
  void pass(const std::string& path, const std::stop_token& stop);
  // The same against the snapshot before this one, as far as find(), go_on() or refresh() brought the map to
  // it.
  Status go_on(sqlite::Snapshot& snapshot, const SourceSchema& schema, Trail* trail);
  // The snapshot was true: what is known as of it, part_of() included, is where the next go_on() begins.
  void leave();
  // It was not, or never opened: what was learned in it is forgotten, and go_on() begins where it did before.
  void go_back();
  const Finding& finding(const std::string& table) const;

  // By number, all pages that reading what was found will touch, as far as they are some megabytes; nothing
  // where a whole table has to be read, or a map made.
  std::optional<std::vector<bool>> needed_pages() const;
  // Of the rows that find() came upon: the pages in which they go on.
  const std::vector<uint32_t>& overflow() const { return overflow_; }
  // The same as needed_pages() for these rowids, of tables that have a map, and the pages in which they go
  // on, as far as they are `most_bytes`. Null: all of the table, of which every leaf is known.
  std::optional<std::vector<bool>> pages_of(const std::map<std::string, const KeyRanges*>& tables,
                                            const std::vector<bool>& overflow, size_t most_bytes) const;
  // What reading the rows above `after` will touch, as far as it is `most_bytes` (one leaf at least), and up
  // to which rowid that is. Nothing where the table has no map.
  struct Part {
    std::vector<bool> pages;
    int64_t last = 0;
  };
  Result<std::optional<Part>> part_of(sqlite::Snapshot& snapshot, const std::string& table,
                                      std::optional<int64_t> after, size_t most_bytes);

  // Brings the map to this snapshot, for tables that are compared as a whole by reading their trees. The
  // memory does not follow `left_behind` in this run: the map does not know them afterwards.
  Status refresh(sqlite::Snapshot& snapshot, const std::set<std::string>& left_behind);
  // The same, but for what lies in leaves: for a load that comes to them one after the other, by part_of().
  // Rows that were read without that are not found when they change. refresh() does the rest.
  Status lay_out(sqlite::Snapshot& snapshot);
  // Inside a transaction of the memory, which then describes this snapshot under `sync_id`.
  Status save(const std::string& sync_id);
  // Once that transaction has committed; the last call.
  void keep();

  // What find() came upon.
  Evidence evidence() const { return evidence_; }
  size_t pages_changed() const { return pages_changed_; }
  size_t rows_spared() const {
    return rows_spared_;
  }  // in leaves that were written, and known to be the same
  // By number, the pages that may be others than in the snapshot before; null: any may be.
  const std::vector<bool>* written() const { return written_ ? &*written_ : nullptr; }
  const Position& position() const { return now_.position; }
  uint32_t page_size() const { return now_.map.page_size; }
  // From where go_on() came, and would come again after go_back(); null: find() alone was called.
  const Position* position_before() const { return gone_on_ && before_ ? &before_->position : nullptr; }

 private:
  struct Definition {
    std::string source, fingerprint;
    uint32_t root = 0;
    bool by_rowid = true;
  };
  // Of one find():
  struct Written;
  struct WrittenTable;
  struct Work;

  Status look(sqlite::Snapshot& snapshot, const SourceSchema& schema, Trail* trail);
  enum class Guess { kTold, kUntold, kUnknown };
  static Guess guess(const std::string& path, const Position& then, Trail* trail);
  Result<MainScan> scan(sqlite::Snapshot& snapshot, sqlite::SourcePages& pages, bool heads);
  const Tree* tree_of(const std::string& table) const;
  Tree* tree_of(const std::string& table);
  void add_owned(std::vector<bool>& needed) const;
  struct Claims;
  Result<TreeWalk> walk(sqlite::Snapshot& snapshot);
  Status claim_next(Claims& claims, size_t leaf, size_t& pages);
  static void settle(Claims& claims);
  Status claim_tree(TreeWalk& walk, Tree& tree);
  Status claim_rest(sqlite::Snapshot& snapshot);
  void forget_table(const std::string& table);
  static size_t first_leaf_above(const Tree& tree, std::optional<int64_t> after);
  Part part(const Tree& tree, size_t first, size_t end) const;
  void define(const SourceSchema& schema);
  void everything(const std::string& reason);
  Status follow(sqlite::Snapshot& snapshot, sqlite::SourcePages& pages, ChangedPages& changed);
  Result<Written> written_pages(ChangedPages& changed);
  Status follow_tree(TreeWalk& walk, const Definition& table, const Tree& before, Work& work);
  Status claim_rows(TreeWalk& walk, const Written& written, const WrittenTable& table);
  Status build(sqlite::Snapshot& snapshot, sqlite::SourcePages& pages);
  Status build_tree(TreeWalk& walk, const Definition& table);
  Status built(Status built);

  memory::Memory& memory_;
  MapStore store_;
  std::optional<StoredMap> before_;
  StoredMap now_;
  std::optional<EarlyScan> early_;
  bool told_ = false;
  bool may_lack_pass_ = true;
  bool lacks_pass_ = false;
  bool gone_on_ = false;   // before_ is not what the store gave
  bool stands_ = false;    // before_ is where the next go_on() begins, whatever now_ is
  bool usable_ = false;    // now_ follows from before_; else all is built anew
  bool writable_ = false;  // now_ can be saved
  bool laid_out_ = false;  // now_ was built for this snapshot
  bool whole_ = false;     // now_ is a map of this snapshot; of tables that are compared as a whole maybe not
  std::string why_not_ = "there is no page map yet";
  std::optional<std::vector<uint64_t>> checksums_;  // read in this run
  std::optional<std::vector<uint64_t>>
      checksums_before_;                        // those that go with before_, where go_on() read new ones
  std::optional<std::vector<uint32_t>> heads_;  // of all pages of this snapshot
  std::vector<Definition> definitions_;
  std::map<std::string, Finding> findings_;
  std::optional<std::vector<bool>> written_;
  std::vector<uint32_t> overflow_;  // pages in which the rows go on that were found
  Evidence evidence_ = Evidence::kNone;
  size_t pages_changed_ = 0;
  size_t rows_spared_ = 0;
};

}  // namespace syncnode::capture
