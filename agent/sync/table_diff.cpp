#include "sync/table_diff.h"

#include <algorithm>
#include <utility>

#include "memory/image_cursor.h"
#include "sync/source_rows.h"

namespace syncnode::sync {
namespace {

constexpr int64_t kProgressRows = 4096;
constexpr size_t kSmallChange = size_t{8} << 20;  // needs no file

// One pass, as described in docs/DESIGN.md: memory and source are both sorted by (position, key).
class Diff {
 public:
  Diff(sqlite::Snapshot& snapshot, const SourceTable& table, const CopyTable& copy, memory::Memory& memory,
       const memory::Image& image, bool new_image, const TableDiffOptions& options)
      : snapshot_(snapshot),
        table_(table),
        memory_(memory),
        options_(options),
        writer_(memory, image, new_image),
        image_(image),
        new_image_(new_image) {
    change_.copy = copy;
  }

  Result<TableChange> run(const std::optional<memory::Image>& former) {
    SN_ASSIGN(change_.gone, memory::GoneRows::create());
    SN_TRY(memory_.for_each_kept(table_.name,
                                 [&](const memory::KeptRecord& kept) { return change_.gone->add(kept); }));
    if (former) SN_TRY(give_up(*former));
    had_kept_ = change_.gone->count() > 0;
    for (auto* spool : {&fresh_, &change_.uncleared, &change_.reappeared})
      spool->emplace(options_.scratch_directory);
    change_.upserts.emplace(options_.scratch_directory, kSmallChange);
    SN_ASSIGN(rows_,
              open_source_rows(snapshot_, table_, change_.copy,
                               {memory_.seed(), std::nullopt, options_.scratch_directory, options_.ranges}));
    if (options_.ranges == nullptr) {
      SN_ASSIGN(auto cursor, memory::ImageCursor::open(memory_, image_));
      SN_TRY(merge(cursor));
    } else {
      change_.quarantined_rows = change_.copy.quarantined;
      SN_TRY(merge_ranges());
    }
    SN_TRY(writer_.flush());
    SN_TRY(settle_fresh());
    change_.rows = options_.ranges == nullptr ? writer_.rows() : image_.rows - left_ + writer_.rows();
    image_.rows = change_.rows;
    change_.image = image_;
    change_.touched = new_image_ || any_change_ || had_kept_ || change_.gone->count() > 0;
    return std::move(change_);
  }

 private:
  Status give_up(const memory::Image& former) {
    SN_ASSIGN(auto cursor, memory::ImageCursor::open(memory_, former));
    while (cursor.current() != nullptr) {
      SN_TRY(change_.gone->add({*cursor.current(), false}));
      SN_TRY(cursor.next());
    }
    return {};
  }

  // -1: the memory's record comes first, 0: same row, 1: the source's row comes first.
  static int compare(const memory::Record& known, const SourceRows& row) {
    if (known.position != row.position()) return known.position < row.position() ? -1 : 1;
    int order = known.key.compare(row.key());
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }

  // A region is what one old block covers: from its first position up to the next block's. Only regions in
  // which something changed are written again.
  Status merge(memory::ImageCursor& cursor) {
    bool changed = false;
    if (cursor.current() != nullptr) writer_.begin_region(cursor.block_first());
    std::optional<int64_t> region_end = cursor.next_block_first();
    SN_ASSIGN(bool more, rows_->next());
    while (more || cursor.current() != nullptr) {
      const memory::Record* known = cursor.current();
      int order = !more ? -1 : known == nullptr ? 1 : compare(*known, *rows_);
      int64_t position = order < 0 ? known->position : rows_->position();
      if (region_end && position >= *region_end) {
        SN_TRY(writer_.end_region(changed));
        any_change_ = any_change_ || changed;
        changed = false;
        writer_.begin_region(*region_end);
        region_end = cursor.next_block_first();  // the cursor stands in the block that begins this region
      }
      if (order < 0) {
        SN_TRY(change_.gone->add({*known, false}));
        changed = true;
      } else {
        SN_ASSIGN(bool row_changed, take_row(order == 0 ? known : nullptr));
        changed = changed || row_changed;
      }
      if (order <= 0) {
        SN_TRY(cursor.next());
      }
      if (order >= 0) {
        SN_ASSIGN(more, rows_->next());
      }
    }
    any_change_ = any_change_ || changed;
    return writer_.end_region(changed);
  }

  // As merge(), but only in the blocks that the ranges touch. What such a block has beside them stays.
  Status merge_ranges() {
    const auto& ranges = options_.ranges->list();
    if (ranges.empty()) return {};
    SN_ASSIGN(bool more, rows_->next());
    SN_ASSIGN(auto cursor, memory::ImageCursor::open_at(memory_, image_, ranges.front().first));
    for (size_t next = 0; next < ranges.size();) {
      const bool has_block = cursor.current() != nullptr;
      const int64_t block = cursor.block_first();
      const std::optional<int64_t> end = cursor.next_block_first();
      const auto here = [&](int64_t position) { return !end || position < *end; };
      if (has_block) writer_.begin_region(block);
      bool changed = false;
      while (true) {
        const memory::Record* known =
            has_block && cursor.current() != nullptr && cursor.block_first() == block ? cursor.current()
                                                                                      : nullptr;
        const bool row = more && here(rows_->position());
        if (known == nullptr && !row) break;
        const int order = !row ? -1 : known == nullptr ? 1 : compare(*known, *rows_);
        if (order <= 0) {
          ++left_;
          if (known->quarantined) --change_.quarantined_rows;
        }
        if (order < 0 && !options_.ranges->covers(known->position)) {
          if (known->quarantined) ++change_.quarantined_rows;
          SN_TRY(writer_.add(*known));
        } else if (order < 0) {
          SN_TRY(change_.gone->add({*known, false}));
          changed = true;
        } else {
          SN_ASSIGN(const bool row_changed, take_row(order == 0 ? known : nullptr));
          changed = changed || row_changed;
        }
        if (order <= 0) SN_TRY(cursor.next());
        if (order >= 0) {
          SN_ASSIGN(more, rows_->next());
        }
      }
      any_change_ = any_change_ || changed;
      SN_TRY(writer_.end_region(changed));
      if (!end) break;
      while (next < ranges.size() && ranges[next].last < *end) ++next;
      if (next < ranges.size()) SN_TRY(cursor.seek(std::max(ranges[next].first, *end)));
    }
    return {};
  }

  // The source's current row goes to the new image; true when it differs from `known`.
  Result<bool> take_row(const memory::Record* known) {
    if (options_.progress && ++seen_ % kProgressRows == 0) options_.progress(seen_);
    memory::Record record{rows_->position(), rows_->key(), false, rows_->hash()};
    const bool same = known != nullptr && known->hash == record.hash;
    // A row that may be there under another position is looked up first; nothing was there before a new
    // image.
    const bool may_have_moved = known == nullptr && (!new_image_ || had_kept_);
    if (same) {
      record.quarantined = known->quarantined;
    } else if (may_have_moved) {
      record.quarantined = rows_->has_misfit();
    } else {
      SN_TRY(rows_->encode(row_));
      record.quarantined = !row_.quarantined.empty();
    }
    if (record.quarantined) ++change_.quarantined_rows;
    SN_TRY(writer_.add(record));
    if (same) return false;
    if (may_have_moved) {
      SN_TRY(remember_fresh(record));
      return true;
    }
    ++(known != nullptr ? change_.updated : change_.inserted);
    if (known != nullptr && known->quarantined) SN_TRY(clear_quarantine(record.key));
    SN_TRY(spool_row());
    return true;
  }

  Status spool_row() {
    serialize(row_, buffer_);
    return append_record(*change_.upserts, buffer_);
  }

  Status clear_quarantine(const std::string& key) {
    ++change_.uncleared_count;
    return append_record(*change_.uncleared, key);
  }

  Status remember_fresh(const memory::Record& record) {
    ++fresh_count_;
    buffer_.clear();
    memory::append_record(buffer_, 0, record);
    return append_record(*fresh_, buffer_);
  }

  // Rows at a new position: moved (the copy has them as they are), changed, or really new.
  Status settle_fresh() {
    if (fresh_count_ == 0) return {};
    SN_TRY(fresh_->rewind());
    RecordReader reader(*fresh_);
    std::string_view bytes;
    std::vector<memory::Record> decoded;
    while (true) {
      SN_ASSIGN(bool more, reader.next(bytes));
      if (!more) return {};
      SN_TRY(memory::decode_block(bytes, 0, decoded));
      const memory::Record& record = decoded.front();
      SN_ASSIGN(auto before, change_.gone->take(record.key));
      if (before && before->rejected) {
        ++change_.reappeared_count;
        SN_TRY(append_record(*change_.reappeared, record.key));
      }
      if (before && before->record.hash == record.hash) continue;
      ++(before ? change_.updated : change_.inserted);
      if (before && before->record.quarantined) SN_TRY(clear_quarantine(record.key));
      SN_TRY(rows_->fetch(record.position, record.key, row_));
      SN_TRY(spool_row());
    }
  }

  sqlite::Snapshot& snapshot_;
  const SourceTable& table_;
  memory::Memory& memory_;
  const TableDiffOptions& options_;
  memory::ImageWriter writer_;
  memory::Image image_;
  const bool new_image_;
  TableChange change_;
  std::unique_ptr<SourceRows> rows_;
  std::optional<Spool> fresh_;
  int64_t fresh_count_ = 0;
  int64_t seen_ = 0;
  int64_t left_ = 0;  // records of the blocks that were looked at
  bool had_kept_ = false;
  bool any_change_ = false;
  EncodedRow row_;
  std::string buffer_;
};

}  // namespace

Result<TableChange> diff_table(sqlite::Snapshot& snapshot, const SourceTable& table, const CopyTable& copy,
                               memory::Memory& memory, std::optional<memory::Image> image,
                               const TableDiffOptions& options) {
  // Records of the other key form cannot be continued: they become rows to pair by key.
  std::optional<memory::Image> former;
  if (image && image->key_is_position != key_is_position(table, copy))
    former = std::exchange(image, std::nullopt);
  bool new_image = !image.has_value();
  if (new_image) {
    SN_ASSIGN(int64_t id, memory.new_image_id());
    image = memory::Image{id, 0, key_is_position(table, copy)};
  }
  Diff diff(snapshot, table, copy, memory, *image, new_image, options);
  return diff.run(former);
}

}  // namespace syncnode::sync
