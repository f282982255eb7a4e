#include "damage.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace syncnode::capture {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// In place: the application has it open, and mapped.
void write_content(const std::string& path, const std::string& bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  const bool written = file >= 0 &&
                       ::pwrite(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()) &&
                       ::ftruncate(file, static_cast<off_t>(bytes.size())) == 0;
  if (file >= 0) ::close(file);
  if (!written) throw std::runtime_error("writing " + path);
}

}  // namespace

Damage::Damage(const std::string& path, Random& random) {
  std::vector<std::string> suffixes = {"", "", ""};
  for (const char* suffix : {"-wal", "-wal", "-shm"}) {
    if (std::filesystem::exists(path + suffix)) suffixes.emplace_back(suffix);
  }
  suffix_ = suffixes[below(random, suffixes.size())];
  whole_.emplace_back(path + suffix_, content_of(path + suffix_));
  std::string bytes = whole_.back().second;
  if (bytes.empty()) return;
  what_ = suffix_.empty() ? "main file" : suffix_;
  for (uint64_t i = 1 + below(random, 4); i > 0; --i) spoil(bytes, random);
  // The wal-index is mapped by others: it cannot become shorter.
  bytes.resize(suffix_ == "-shm" ? whole_.back().second.size() : bytes.size());
  const std::string& whole = whole_.back().second;
  const auto until = static_cast<ptrdiff_t>(std::min(bytes.size(), whole.size()));
  first_ = static_cast<size_t>(std::mismatch(whole.begin(), whole.begin() + until, bytes.begin()).first -
                               whole.begin());
  write_content(path + suffix_, bytes);
}

Damage::~Damage() {
  for (const auto& [path, bytes] : whole_) write_content(path, bytes);
}

void Damage::spoil(std::string& bytes, Random& random) {
  if (bytes.empty()) return;
  const size_t size = bytes.size();
  // The heads of pages matter most; the page size is a guess that is often right.
  const size_t page = std::min<size_t>(size, size_t{512} << below(random, 5));
  const size_t pages = std::max<size_t>(size / page, 1);
  const size_t start = below(random, pages) * page;
  size_t at = one_in(random, 2) ? start + below(random, std::min<size_t>(page, 40)) : below(random, size);
  at = std::min(at, size - 1);
  switch (below(random, 7)) {
    case 0:
      bytes[at] = static_cast<char>(bytes[at] ^ (1U << below(random, 8)));
      what_ += fmt::format(", a bit at {}", at);
      break;
    case 1:
      for (size_t i = at; i < std::min(size, at + 1 + below(random, 40)); ++i)
        bytes[i] = static_cast<char>(random());
      what_ += fmt::format(", bytes at {}", at);
      break;
    case 2: {  // two pages change places
      const size_t other = below(random, pages) * page;
      const std::string first = bytes.substr(start, page);
      const std::string second = bytes.substr(other, page);
      if (first.size() != second.size()) break;
      bytes.replace(start, page, second);
      bytes.replace(other, page, first);
      what_ += fmt::format(", {} bytes at {} and {} exchanged", page, start, other);
      break;
    }
    case 3: {  // a page number that is in the file: circles, two owners
      const auto number = static_cast<uint32_t>(1 + below(random, pages));
      for (size_t i = 0; i < 4 && at + i < size; ++i)
        bytes[at + i] = static_cast<char>(number >> (24 - 8 * i));
      what_ += fmt::format(", page number {} at {}", number, at);
      break;
    }
    case 4:
      if (!one_in(random, 3)) break;
      bytes.resize(at);
      what_ += fmt::format(", cut off at {}", at);
      break;
    case 5:  // torn: the rest of a page is of another one
      bytes.replace(at, std::min(page - at % page, size - at),
                    bytes.substr(0, std::min(page - at % page, size - at)));
      what_ += fmt::format(", torn at {}", at);
      break;
    default:
      std::fill(bytes.begin() + static_cast<ptrdiff_t>(start),
                bytes.begin() + static_cast<ptrdiff_t>(std::min(size, start + page)), '\0');
      what_ += fmt::format(", zeros at {}", start);
  }
}

}  // namespace syncnode::capture
