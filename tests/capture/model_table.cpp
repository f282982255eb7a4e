#include "model_table.h"

#include <fmt/format.h>

#include <array>

namespace syncnode::capture {
namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string key_expression(KeyShape key) {
  switch (key) {
    case KeyShape::kText:
    case KeyShape::kUnique:
      return "printf('%08x-%04x-4%03x-8%03x-%012x', i * 2654435761 & 4294967295, i & 65535, i & 4095, i & "
             "4095, i)";
    case KeyShape::kWithoutRowid:
      return "'w' || (i * 7919 % 100003) || '-' || i";
    case KeyShape::kPair:
      return "i % 7, 'b' || i";
    default:
      return "i";
  }
}

}  // namespace

std::vector<std::string> ModelTable::columns() const {
  std::vector<std::string> names;
  if (key == KeyShape::kPair)
    names = {"a", "b"};
  else if (key != KeyShape::kNone)
    names = {"id"};
  for (const char* column : {"n", "s", "big"}) names.emplace_back(column);
  for (const auto& column : extra) names.push_back(column);
  for (int i = 0; i < wide; ++i) names.push_back("w" + std::to_string(i));
  return names;
}

std::string ModelTable::definition(const std::string& as) const {
  std::vector<std::string> parts;
  switch (key) {
    case KeyShape::kRowid:
      parts = {"id INTEGER PRIMARY KEY"};
      break;
    case KeyShape::kAutoincrement:
      parts = {"id INTEGER PRIMARY KEY AUTOINCREMENT"};
      break;
    case KeyShape::kText:
    case KeyShape::kWithoutRowid:
      parts = {"id TEXT NOT NULL PRIMARY KEY"};
      break;
    case KeyShape::kUnique:
      parts = {"id VARCHAR(255) NOT NULL UNIQUE"};
      break;
    case KeyShape::kPair:
      parts = {"a INTEGER NOT NULL", "b TEXT NOT NULL"};
      break;
    case KeyShape::kNone:
      break;
  }
  parts.emplace_back("n INTEGER");
  parts.emplace_back("s VARCHAR(255)");
  parts.push_back("big " + big);
  for (const auto& column : extra) parts.push_back(column + " INTEGER");
  for (int i = 0; i < wide; ++i) parts.push_back("w" + std::to_string(i) + " INTEGER");
  if (!generated.empty()) parts.push_back("g INTEGER GENERATED ALWAYS AS (length(s) + 1) " + generated);
  if (key == KeyShape::kPair) parts.emplace_back("PRIMARY KEY (a, b)");
  return fmt::format("CREATE TABLE {}({}){};", as, joined(parts), has_rowid() ? "" : " WITHOUT ROWID");
}

std::string ModelTable::index_definitions() const {
  std::string text;
  for (const auto& column : indexes) text += fmt::format("CREATE INDEX {0}_{1} ON {0}({1});", name, column);
  return text;
}

std::string ModelTable::insert(const char* verb, int64_t first, int64_t count, int64_t longest,
                               Random& random) const {
  const auto salt = below(random, 1000);
  const char letter = static_cast<char>('a' + below(random, 26));
  std::vector<std::string> values;
  if (key != KeyShape::kNone) values.push_back(key_expression(key));
  values.emplace_back("i");
  // Now and then a value of another class than declared.
  values.push_back(one_in(random, 12)
                       ? fmt::format("CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN x'00ff' ELSE i END")
                       : fmt::format("'s{}' || i", salt));
  std::string value = fmt::format("printf('%.*c', (i * 7919 + {}) % {}, '{}')", salt, longest + 1, letter);
  if (big == "JSON") value = fmt::format("'{{\"k\":' || i || ',\"v\":\"' || {} || '\"}}'", value);
  if (big == "BLOB") value = fmt::format("CAST({} AS BLOB)", value);
  values.push_back(value);
  for (size_t i = 0; i < extra.size(); ++i) values.push_back(fmt::format("i * {}", i + 2));
  for (int i = 0; i < wide; ++i) values.push_back(fmt::format("i + {}", i));
  return fmt::format(
      "WITH RECURSIVE c(i) AS (VALUES({}) UNION ALL SELECT i + 1 FROM c WHERE i < {}) {} INTO {}({}) "
      "SELECT {} FROM c;",
      first, first + count - 1, verb, name, joined(columns()), joined(values));
}

ModelTable random_table(std::string name, Random& random) {
  ModelTable table;
  table.name = std::move(name);
  table.key = static_cast<KeyShape>(below(random, kKeyShapes));
  table.big = std::array{"TEXT", "JSON", "BLOB"}[below(random, 3)];
  if (one_in(random, 4)) table.generated = one_in(random, 2) ? "VIRTUAL" : "STORED";
  if (one_in(random, 6)) table.wide = static_cast<int>(below(random, 40));
  for (uint64_t i = below(random, 3); i > 0; --i) table.extra.push_back("x" + std::to_string(i));
  for (const char* column : {"n", "s", "big"}) {
    if (one_in(random, column == std::string("big") ? 8 : 3)) table.indexes.emplace_back(column);
  }
  return table;
}

}  // namespace syncnode::capture
