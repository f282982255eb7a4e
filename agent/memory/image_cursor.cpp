#include "memory/image_cursor.h"

namespace syncnode::memory {
namespace {

constexpr size_t kFlushBytes = size_t{1} << 20;
constexpr size_t kRegionBlocks = 256;

}  // namespace

Result<ImageCursor> ImageCursor::open(Memory& memory, const Image& image) {
  SN_ASSIGN(auto blocks,
            memory.database().prepare(
                "SELECT first_position, data FROM block WHERE image_id = ?1 ORDER BY first_position"));
  blocks.bind(1, image.id);
  ImageCursor cursor(image, std::move(blocks));
  SN_TRY(cursor.fetch_first());
  return cursor;
}

Result<ImageCursor> ImageCursor::open_at(Memory& memory, const Image& image, int64_t position) {
  SN_ASSIGN(auto blocks, memory.database().prepare(
                             "SELECT first_position, data FROM block WHERE image_id = ?1 AND "
                             "first_position >= coalesce((SELECT max(first_position) FROM block WHERE "
                             "image_id = ?1 AND first_position <= ?2), ?2) ORDER BY first_position"));
  ImageCursor cursor(image, std::move(blocks));
  SN_TRY(cursor.seek(position));
  return cursor;
}

Status ImageCursor::seek(int64_t position) {
  blocks_.reset();
  blocks_.bind(1, image_.id);
  blocks_.bind(2, position);
  return fetch_first();
}

Status ImageCursor::fetch_first() {
  next_first_.reset();
  SN_ASSIGN(has_next_, blocks_.step());
  if (has_next_) {
    next_first_ = blocks_.column_int64(0);
    next_data_ = blocks_.column_bytes(1);
  }
  return load_block();
}

Status ImageCursor::load_block() {
  index_ = 0;
  if (!has_next_) {
    records_.clear();
    return {};
  }
  first_ = *next_first_;
  SN_TRY(decode_block(next_data_, first_, records_));
  next_first_.reset();
  SN_ASSIGN(has_next_, blocks_.step());
  if (has_next_) {
    next_first_ = blocks_.column_int64(0);
    next_data_ = blocks_.column_bytes(1);
  }
  return {};
}

Status ImageCursor::next() {
  if (++index_ < records_.size()) return {};
  return load_block();
}

void ImageWriter::close_block() {
  if (open_.rows == 0) return;
  region_.push_back(std::move(open_));
  open_ = {};
}

Status ImageWriter::add(const Record& record) {
  ++rows_;
  // Two records of one position share a block, since the position names it.
  if (open_.data.size() >= kBlockBytes && record.position != last_position_) {
    close_block();
    if (new_image_ || region_.size() >= kRegionBlocks) SN_TRY(write_region());
  }
  if (open_.rows == 0) {
    open_.image_id = image_.id;
    open_.first_position = last_position_ = record.position;
  }
  append_record(open_.data, last_position_, record);
  last_position_ = record.position;
  ++open_.rows;
  return {};
}

Status ImageWriter::end_region(bool changed) {
  close_block();
  if (changed || region_written_) SN_TRY(write_region());
  region_.clear();
  region_written_ = false;
  old_first_.reset();
  return {};
}

Status ImageWriter::write_region() {
  if (old_first_ && !region_written_) ready_.push_back({image_.id, *old_first_, 0, {}});
  region_written_ = true;
  for (auto& block : region_) {
    ready_bytes_ += block.data.size();
    ready_.push_back(std::move(block));
  }
  region_.clear();
  if (ready_bytes_ < kFlushBytes) return {};
  SN_TRY(memory_.write_blocks(ready_, new_image_));
  ready_.clear();
  ready_bytes_ = 0;
  return {};
}

Status ImageWriter::flush() {
  SN_TRY(end_region(new_image_));
  SN_TRY(memory_.write_blocks(ready_, new_image_));
  ready_.clear();
  ready_bytes_ = 0;
  return {};
}

}  // namespace syncnode::memory
