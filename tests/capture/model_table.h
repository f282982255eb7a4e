// ModelTable: a table as the application of a capture test knows it, from which statements can be
// made that SQLite accepts. Plain value, one thread.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace syncnode::capture {

using Random = std::mt19937_64;

inline uint64_t below(Random& random, uint64_t limit) {
  return random() % limit;
}
template <typename T, size_t N>
const T& pick(const std::array<T, N>& choices, Random& random) {
  return choices[below(random, N)];
}
inline bool one_in(Random& random, uint64_t many) {
  return below(random, many) == 0;
}

enum class KeyShape { kRowid, kAutoincrement, kText, kUnique, kNone, kWithoutRowid, kPair };
inline constexpr uint64_t kKeyShapes = 7;

struct ModelTable {
  std::string name;
  KeyShape key = KeyShape::kRowid;
  std::string big = "TEXT";        // declared type of the column of long values
  std::string generated;           // "", VIRTUAL or STORED
  std::vector<std::string> extra;  // columns beside id (a, b), n, s, big
  std::vector<std::string> indexes;
  int wide = 0;  // so many columns more, all alike

  bool has_rowid() const { return key != KeyShape::kWithoutRowid; }
  std::string definition(const std::string& as) const;
  std::string index_definitions() const;
  std::vector<std::string> columns() const;  // that can be written
  // Rows numbered `first` to `first` + `count` - 1, with long values of up to `longest` characters.
  std::string insert(const char* verb, int64_t first, int64_t count, int64_t longest, Random& random) const;
};

ModelTable random_table(std::string name, Random& random);

}  // namespace syncnode::capture
