#include "sqlite/journal_pages.h"

#include <algorithm>
#include <string>

#include "sqlite/byte_order.h"
#include "sqlite/file_facts.h"
#include "sqlite/source_file.h"

namespace syncnode::sqlite {
namespace {

// A segment: the header, alone in its sector, then records of a page number, a page and a checksum. A cache
// that ran over begins another segment at the next sector.
constexpr std::string_view kMagic{"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8};
constexpr size_t kHeader = 28;
constexpr size_t kRecordFrame = 8;
constexpr size_t kCountAt = 8, kNonceAt = 12, kInitialAt = 16, kSectorAt = 20, kPageSizeAt = 24;
constexpr uint32_t kAllThereIs = 0xffffffff;  // a count: the rest of the file; synchronous=OFF
constexpr size_t kChecksumStep = 200;
// Page 1.
constexpr size_t kCounterAt = 24, kPagesAt = 28, kValidForAt = 92;

bool is_power_of_two(uint32_t value, uint32_t least, uint32_t most) {
  return value >= least && value <= most && (value & (value - 1)) == 0;
}

struct Header {
  uint32_t count = 0, nonce = 0, initial = 0, sector = 0, page_size = 0;
  bool same_file(const Header& other) const {
    return initial == other.initial && sector == other.sector && page_size == other.page_size;
  }
};

std::optional<Header> header_at(std::string_view journal, size_t at) {
  if (journal.size() - at < kHeader || journal.substr(at, kMagic.size()) != kMagic) return std::nullopt;
  const char* bytes = journal.data() + at;
  const Header header{big_endian_u32(bytes + kCountAt), big_endian_u32(bytes + kNonceAt),
                      big_endian_u32(bytes + kInitialAt), big_endian_u32(bytes + kSectorAt),
                      big_endian_u32(bytes + kPageSizeAt)};
  const bool fits = is_power_of_two(header.sector, 32, 65536) &&
                    is_power_of_two(header.page_size, 512, 65536) && journal.size() - at >= header.sector;
  return fits ? std::optional(header) : std::nullopt;
}

uint32_t checksum(std::string_view page, uint32_t nonce) {
  uint32_t sum = nonce;
  for (size_t at = page.size() - kChecksumStep; at > 0 && at < page.size(); at -= kChecksumStep)
    sum += static_cast<unsigned char>(page[at]);
  return sum;
}

// A page that was free and is used again is written without having been kept. But it was listed in a trunk of
// the freelist, and that is kept, since it lists it no longer. Whatever could be a trunk is taken for one.
void add_free(std::string_view page, uint32_t initial, std::vector<uint32_t>& pages) {
  const uint32_t next = big_endian_u32(page.data());
  const uint32_t leaves = big_endian_u32(page.data() + 4);
  if (next > initial || leaves > page.size() / 4 - 2) return;
  for (uint32_t i = 0; i < leaves; ++i) {
    const uint32_t leaf = big_endian_u32(page.data() + 8 + 4 * size_t{i});
    if (leaf >= 2 && leaf <= initial) pages.push_back(leaf);
  }
}

bool add_record(std::string_view record, const Header& header, JournalPages& found) {
  const uint32_t number = big_endian_u32(record.data());
  const std::string_view page = record.substr(4, header.page_size);
  if (number == 0 || number > header.initial) return false;
  if (checksum(page, header.nonce) != big_endian_u32(page.data() + page.size())) return false;
  found.pages.push_back(number);
  if (number != 1) {
    add_free(page, header.initial, found.pages);
    return true;
  }
  found.counter = big_endian_u32(page.data() + kCounterAt);
  const uint32_t count = big_endian_u32(page.data() + kPagesAt);
  // As SQLite decides whether the number is to be trusted.
  const bool counts = count > 0 && big_endian_u32(page.data() + kValidForAt) == found.counter;
  found.page_count = counts ? std::min(count, header.initial) : header.initial;
  return true;
}

}  // namespace

std::optional<JournalPages> read_journal(std::string_view journal) {
  JournalPages found;
  std::optional<Header> first;
  for (size_t at = 0; at < journal.size();) {
    const auto header = header_at(journal, at);
    if (!header || (first && !first->same_file(*header))) return std::nullopt;
    const size_t record = header->page_size + kRecordFrame;
    const size_t room = journal.size() - at - header->sector;
    const bool to_the_end = header->count == kAllThereIs;
    if (to_the_end && (first || room % record != 0)) return std::nullopt;
    const size_t count = to_the_end ? room / record : header->count;
    if (count > room / record) return std::nullopt;
    at += header->sector;
    for (size_t i = 0; i < count; ++i, at += record) {
      if (!add_record(journal.substr(at, record), *header, found)) return std::nullopt;
    }
    first = header;
    if (at == journal.size()) break;
    at = (at + header->sector - 1) / header->sector * header->sector;
    if (at >= journal.size()) return std::nullopt;  // the name of a super-journal, for example
  }
  if (!first || found.page_count == 0) return std::nullopt;
  found.page_size = first->page_size;
  std::sort(found.pages.begin(), found.pages.end());
  found.pages.erase(std::unique(found.pages.begin(), found.pages.end()), found.pages.end());
  return found;
}

std::optional<JournalPages> read_journal(int fd, int64_t most) {
  const auto facts = facts_of(fd);
  if (!facts || facts->size > most) return std::nullopt;
  std::string bytes(static_cast<size_t>(facts->size), '\0');
  if (read_fully(fd, bytes.data(), bytes.size(), 0) != facts->size) return std::nullopt;
  return read_journal(bytes);
}

bool has_beginning(int journal_fd) {
  char first = 0;
  const ssize_t got = read_fully(journal_fd, &first, 1, 0);
  return got < 0 || (got == 1 && first != 0);
}

std::optional<uint32_t> change_counter(int main_fd) {
  char bytes[4];
  if (read_fully(main_fd, bytes, sizeof bytes, kCounterAt) != sizeof bytes) return std::nullopt;
  return big_endian_u32(bytes);
}

}  // namespace syncnode::sqlite
