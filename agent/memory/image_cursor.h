// Reading and rewriting one table's records in order. ImageCursor walks them block by block; ImageWriter
// takes the new sequence and writes only the blocks in which something changed. Both belong to the thread of
// the Memory they use.
#pragma once

#include <optional>
#include <vector>

#include "memory/memory.h"

namespace syncnode::memory {

class ImageCursor {
 public:
  static Result<ImageCursor> open(Memory& memory, const Image& image);

  // At the block that `position` belongs to, or would: its first record.
  static Result<ImageCursor> open_at(Memory& memory, const Image& image, int64_t position);
  Status seek(int64_t position);

  const Record* current() const { return index_ < records_.size() ? &records_[index_] : nullptr; }
  Status next();
  // First position of the block that current() lies in / of the one after it (nothing at the last block).
  int64_t block_first() const { return first_; }
  std::optional<int64_t> next_block_first() const { return next_first_; }

 private:
  ImageCursor(const Image& image, sqlite::Statement blocks) : image_(image), blocks_(std::move(blocks)) {}
  Status fetch_first();
  Status load_block();

  Image image_;
  sqlite::Statement blocks_;
  std::vector<Record> records_;
  size_t index_ = 0;
  int64_t first_ = 0;
  std::optional<int64_t> next_first_;
  bool has_next_ = false;
  std::string next_data_;
};

class ImageWriter {
 public:
  // `new_image`: blocks go straight to a fresh image that nobody refers to yet. Otherwise they stay pending.
  ImageWriter(Memory& memory, const Image& image, bool new_image)
      : memory_(memory), image_(image), new_image_(new_image) {}

  // Records arrive in (position, key) order.
  Status add(const Record& record);
  // A region is what the old block beginning at `old_first` covers. `changed` false keeps that block as it
  // is.
  void begin_region(int64_t old_first) { old_first_ = old_first; }
  Status end_region(bool changed);
  // Everything that was added is in the memory file.
  Status flush();
  int64_t rows() const { return rows_; }

 private:
  void close_block();
  Status write_region();

  Memory& memory_;
  Image image_;
  bool new_image_;
  int64_t rows_ = 0;
  PendingBlock open_;
  int64_t last_position_ = 0;
  std::optional<int64_t> old_first_;
  std::vector<PendingBlock> region_;
  bool region_written_ = false;  // it grew too large to wait for the verdict
  std::vector<PendingBlock> ready_;
  size_t ready_bytes_ = 0;
};

}  // namespace syncnode::memory
