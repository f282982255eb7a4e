#include "capture/map_chunks.h"

#include "capture/row_marks.h"
#include "codec/bytes.h"
#include "memory/packed_key.h"

namespace syncnode::capture {
namespace {

constexpr uint64_t kFormat = 3;
// A run of pages: how many, and whose they are.
constexpr uint64_t kNobodys = 0;
constexpr uint64_t kTheirOwn = 1;
constexpr uint64_t kOneOwners = 2;

Error damaged() {
  return {ErrorCode::kCorruption, "the page map is damaged", "it is made anew"};
}

using memory::append_varint;

void put_signed(std::string& out, uint64_t difference) {
  append_varint(out, memory::zigzag(difference));
}

void put_text(std::string& out, std::string_view text) {
  append_varint(out, text.size());
  out.append(text);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty() || broken_; }
  bool broken() const { return broken_; }
  uint64_t take() {
    uint64_t value = 0;
    if (memory::take_varint(rest_, value)) return value;
    broken_ = true;
    return 0;
  }
  uint64_t take_signed() { return memory::unzigzag(take()); }
  uint32_t take_page() { return static_cast<uint32_t>(take()); }
  uint64_t take_big_endian(size_t size) {
    broken_ = broken_ || size > rest_.size();
    if (broken_) return 0;
    uint64_t value = 0;
    for (const char byte : rest_.substr(0, size)) value = value << 8 | static_cast<unsigned char>(byte);
    rest_.remove_prefix(size);
    return value;
  }
  std::string take_text() {
    const uint64_t size = take();
    if (broken_ || size > rest_.size()) {
      broken_ = true;
      return {};
    }
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }

 private:
  std::string_view rest_;
  bool broken_ = false;
};

uint64_t kind_of(uint32_t page, uint32_t owner) {
  return owner == 0 ? kNobodys : owner == page ? kTheirOwn : kOneOwners;
}

}  // namespace

std::string pack_owners(const std::vector<uint32_t>& owner, uint32_t first, uint32_t last) {
  std::string out;
  for (uint32_t page = first; page <= last;) {
    const uint64_t kind = kind_of(page, owner[page]);
    uint32_t end = page + 1;
    while (end <= last && kind_of(end, owner[end]) == kind &&
           (kind != kOneOwners || owner[end] == owner[page]))
      ++end;
    append_varint(out, (uint64_t{end - page} << 2) | kind);
    if (kind == kOneOwners) put_signed(out, uint64_t{owner[page]} - uint64_t{page});
    page = end;
  }
  return out;
}

Status unpack_owners(std::string_view bytes, uint32_t first, std::vector<uint32_t>& owner) {
  Reader in(bytes);
  uint64_t page = first;
  while (!in.done()) {
    const uint64_t word = in.take();
    const uint64_t kind = word & 3;
    const uint64_t end = page + (word >> 2);
    const auto one = kind == kOneOwners ? static_cast<uint32_t>(page + in.take_signed()) : 0;
    if (in.broken() || kind > kOneOwners || end > owner.size() || end <= page || one >= owner.size())
      return damaged();
    for (; page < end; ++page) owner[page] = kind == kTheirOwn ? static_cast<uint32_t>(page) : one;
  }
  return {};
}

std::string pack_leaves(const std::vector<Leaf>& leaves, size_t first, size_t last) {
  std::string out;
  Leaf before;
  for (size_t i = first; i < last; ++i) {
    put_signed(out, uint64_t{leaves[i].page} - uint64_t{before.page});
    put_signed(out, static_cast<uint64_t>(leaves[i].upper) - static_cast<uint64_t>(before.upper));
    before = leaves[i];
  }
  return out;
}

Status unpack_leaves(std::string_view bytes, std::vector<Leaf>& leaves) {
  Reader in(bytes);
  Leaf leaf;
  while (!in.done()) {
    leaf.page = static_cast<uint32_t>(leaf.page + in.take_signed());
    leaf.upper = static_cast<int64_t>(static_cast<uint64_t>(leaf.upper) + in.take_signed());
    if (in.broken() || (!leaves.empty() && leaves.back().upper >= leaf.upper)) return damaged();
    leaves.push_back(leaf);
  }
  return {};
}

std::string pack_marks(const std::vector<RowMark>& marks, size_t first, size_t last) {
  std::string out;
  int64_t before = 0;
  for (size_t i = first; i < last; ++i) {
    put_signed(out, static_cast<uint64_t>(marks[i].rowid) - static_cast<uint64_t>(before));
    codec::append_big_endian(out, static_cast<uint16_t>(marks[i].cell >> 32));
    codec::append_big_endian(out, static_cast<uint32_t>(marks[i].cell));
    before = marks[i].rowid;
  }
  return out;
}

Status unpack_marks(std::string_view bytes, std::vector<RowMark>& marks) {
  Reader in(bytes);
  RowMark mark;
  while (!in.done()) {
    mark.rowid = static_cast<int64_t>(static_cast<uint64_t>(mark.rowid) + in.take_signed());
    mark.cell = in.take_big_endian(kRowMarkBytes);
    if (in.broken() || (!marks.empty() && marks.back().rowid >= mark.rowid)) return damaged();
    marks.push_back(mark);
  }
  return {};
}

std::string pack_tree(const Tree& tree) {
  std::string out;
  put_text(out, tree.source);
  put_text(out, tree.fingerprint);
  append_varint(out, tree.root);
  append_varint(out, tree.by_rowid ? 1 : 0);
  for (const uint32_t page : tree.interiors) append_varint(out, page);
  return out;
}

Result<Tree> unpack_tree(std::string_view bytes) {
  Reader in(bytes);
  Tree tree;
  tree.source = in.take_text();
  tree.fingerprint = in.take_text();
  tree.root = in.take_page();
  tree.by_rowid = in.take() != 0;
  while (!in.done()) tree.interiors.push_back(in.take_page());
  if (in.broken()) return damaged();
  return tree;
}

std::string pack_units(const std::vector<bool>& units, size_t first, size_t last) {
  std::string bits((last - first + 7) / 8, '\0');
  bool any = false;
  for (size_t unit = first; unit < last; ++unit) {
    if (!units[unit]) continue;
    any = true;
    char& byte = bits[(unit - first) / 8];
    byte = static_cast<char>(static_cast<unsigned char>(byte) | 1U << (unit - first) % 8);
  }
  return any ? bits : std::string();
}

Status unpack_units(std::string_view bytes, size_t first, std::vector<bool>& units) {
  for (size_t i = 0; i < bytes.size() * 8; ++i) {
    const bool set = (static_cast<unsigned char>(bytes[i / 8]) >> i % 8 & 1U) != 0;
    if (!set) continue;
    if (first + i >= units.size()) return damaged();
    units[first + i] = true;
  }
  return {};
}

std::string pack_checksums(const std::vector<uint64_t>& sums, size_t first, size_t last) {
  std::string out;
  for (size_t i = first; i < last; ++i) codec::append_big_endian(out, sums[i]);
  return out;
}

Status unpack_checksums(std::string_view bytes, std::vector<uint64_t>& sums) {
  if (bytes.size() % sizeof(uint64_t) != 0) return damaged();
  for (size_t at = 0; at < bytes.size(); at += sizeof(uint64_t))
    sums.push_back(codec::read_big_endian<uint64_t>(bytes.data() + at));
  return {};
}

std::string pack_head(const MapHead& head) {
  std::string out;
  append_varint(out, kFormat);
  put_text(out, head.sync_id);
  append_varint(out, head.page_size);
  append_varint(out, head.page_count);
  const Position& at = head.position;
  append_varint(out, at.live ? 1 : 0);
  const sqlite::LogView& log = at.log;
  for (const uint32_t word :
       {log.salt1, log.salt2, log.frames, log.checksum1, log.checksum2, log.backfilled, log.in_use ? 1U : 0U})
    append_varint(out, word);
  append_varint(out, at.inode);
  for (const int64_t word : {at.size, at.modified, at.changed})
    append_varint(out, static_cast<uint64_t>(word));
  append_varint(out, at.settled ? 1 : 0);
  append_varint(out, at.counter ? 1 : 0);
  append_varint(out, at.counter.value_or(0));
  append_varint(out, head.writer);
  append_varint(out, head.written);
  return out;
}

Result<MapHead> unpack_head(std::string_view bytes) {
  Reader in(bytes);
  MapHead head;
  if (in.take() != kFormat) return damaged();
  head.sync_id = in.take_text();
  head.page_size = in.take_page();
  head.page_count = in.take_page();
  Position& at = head.position;
  at.live = in.take() != 0;
  sqlite::LogView& log = at.log;
  for (uint32_t* word :
       {&log.salt1, &log.salt2, &log.frames, &log.checksum1, &log.checksum2, &log.backfilled})
    *word = in.take_page();
  log.in_use = in.take() != 0;
  at.inode = in.take();
  for (int64_t* word : {&at.size, &at.modified, &at.changed}) *word = static_cast<int64_t>(in.take());
  at.settled = in.take() != 0;
  const bool counts = in.take() != 0;
  const uint32_t counter = in.take_page();
  if (counts) at.counter = counter;
  head.writer = in.take();
  head.written = in.take();
  if (in.broken() || head.page_size == 0) return damaged();
  return head;
}

}  // namespace syncnode::capture
