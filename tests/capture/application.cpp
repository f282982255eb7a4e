#include "application.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace syncnode::capture {

Application::Application(Writer& writer, std::string directory, uint64_t seed)
    : writer_(writer), directory_(std::move(directory)), random_(seed) {
  page_size_ =
      pick(std::array{512, 512, 1024, 1024, 2048, 4096, 4096, 4096, 8192, 16384, 32768, 65536}, random_);
  file_settings_ = fmt::format("PRAGMA page_size = {}; PRAGMA auto_vacuum = {};", page_size_,
                               pick(std::array{"NONE", "NONE", "FULL", "INCREMENTAL"}, random_));
  if (one_in(random_, 3))
    connection_settings_ = fmt::format("PRAGMA cache_size = {};", 2 + below(random_, 12));
  if (one_in(random_, 3))
    connection_settings_ += fmt::format("PRAGMA wal_autocheckpoint = {};", 1 + below(random_, 60));
  if (one_in(random_, 6)) connection_settings_ += "PRAGMA secure_delete = ON;";
  open();
  run(file_settings_);
  flip_journal_mode();
  for (uint64_t i = 1 + below(random_, 3); i > 0; --i) {
    tables_.push_back(random_table("t" + std::to_string(++names_), random_));
    const ModelTable& table = tables_.back();
    run(table.definition(table.name) + table.index_definitions());
    run(table.insert("INSERT", next_, 1 + static_cast<int64_t>(below(random_, 150)), longest(), random_));
    next_ += 200;
  }
}

std::string Application::run(std::string_view sql, int connection) {
  std::string error = writer_.execute(connection, sql);
  history_.push_back(fmt::format("{}> {}{}", connection, sql, error.empty() ? "" : "  -- " + error));
  if (on_statement_) on_statement_();
  return error;
}

void Application::open() {
  if (is_open_) return;
  writer_.open(0, path());
  is_open_ = true;
  note("open");
  run(connection_settings_);
}

void Application::close() {
  if (!is_open_) return;
  roll_back();
  end_reading();
  writer_.close(kReader);
  writer_.close(0);
  is_open_ = journal_in_memory_ = false;
  note("close");
}

void Application::begin() {
  if (before_transaction_) return;
  before_transaction_ = tables_;
  if (!run_all(one_in(random_, 2) ? "BEGIN" : "BEGIN IMMEDIATE")) before_transaction_.reset();
}

void Application::end() {
  if (!before_transaction_) return;
  if (one_in(random_, 5)) return roll_back();
  std::string error = run("COMMIT");
  if (!error.empty()) {  // our own reader is in the way
    end_reading();
    error = run("COMMIT");
  }
  if (!error.empty()) return roll_back();
  before_transaction_.reset();
}

void Application::roll_back() {
  if (!before_transaction_) return;
  run("ROLLBACK");
  tables_ = *std::exchange(before_transaction_, std::nullopt);
}

ModelTable* Application::any_table() {
  return tables_.empty() ? nullptr : &tables_[below(random_, tables_.size())];
}

// A condition that a few, many or all rows fulfil.
std::string Application::some_rows(const ModelTable& table) {
  const int64_t at = static_cast<int64_t>(below(random_, static_cast<uint64_t>(next_)));
  switch (below(random_, 6)) {
    case 0:
      return fmt::format("n % {} = {}", 2 + below(random_, 9), below(random_, 3));
    case 1:
      return fmt::format("n BETWEEN {} AND {}", at, at + static_cast<int64_t>(below(random_, 100)));
    case 2:
      return one_in(random_, 4) ? "1" : fmt::format("n % 17 = {}", below(random_, 17));
    case 3:
      if (table.has_rowid())
        return fmt::format("rowid > (SELECT max(rowid) - {} FROM {})", below(random_, 5), table.name);
      [[fallthrough]];
    default:
      return fmt::format("n BETWEEN {} AND {}", at, at + static_cast<int64_t>(below(random_, 5)));
  }
}

// From nothing to chains of many overflow pages.
int64_t Application::longest() {
  const auto page = static_cast<uint64_t>(page_size_);
  switch (below(random_, 4)) {
    case 0:
      return 20;
    case 1:
      return static_cast<int64_t>(below(random_, page));
    case 2:
      return static_cast<int64_t>(below(random_, 3 * page));
    default:
      return static_cast<int64_t>(below(random_, page > 4096 ? 2 * page : 12 * page));
  }
}

void Application::insert() {
  ModelTable* table = any_table();
  if (table == nullptr) return;
  const auto count =
      static_cast<int64_t>(one_in(random_, 8) ? 1 + below(random_, 300) : 1 + below(random_, 6));
  const int64_t longest = count > 50 ? std::min<int64_t>(this->longest(), 2000) : this->longest();
  // Behind all others, or between them.
  int64_t first = next_;
  if (one_in(random_, 4)) first = static_cast<int64_t>(below(random_, static_cast<uint64_t>(next_)));
  if (one_in(random_, 20)) first = -static_cast<int64_t>(below(random_, 100000));
  if (one_in(random_, 20)) next_ += static_cast<int64_t>(below(random_, 1000000));
  run(table->insert(one_in(random_, 3) ? "INSERT OR IGNORE" : "INSERT", first, count, longest, random_));
  next_ += count;
}

void Application::update() {
  // Of two values, so that a row becomes what it was before the last look.
  const uint64_t values = one_in(random_, 2) ? 2 : 1000;
  if (ModelTable* table = any_table())
    run(fmt::format("UPDATE {} SET s = 'u{}' || n WHERE {}", table->name, below(random_, values),
                    some_rows(*table)));
}

// The same size, one character: SQLite writes the page it lies in, be it in the middle of a chain.
void Application::overwrite_in_place() {
  ModelTable* table = any_table();
  if (table == nullptr) return;
  const auto place = fmt::format("(length(big) * {} / 100)", below(random_, 100));
  std::string value = fmt::format("substr(big, 1, {0}) || '{1}' || substr(big, {0} + 2)", place,
                                  static_cast<char>('A' + below(random_, 26)));
  if (table->big == "BLOB") value = "CAST(" + value + " AS BLOB)";
  run(fmt::format("UPDATE {} SET big = {} WHERE length(big) > 1 AND {}", table->name, value,
                  some_rows(*table)));
}

void Application::resize() {
  ModelTable* table = any_table();
  if (table == nullptr) return;
  run(fmt::format("UPDATE {} SET big = printf('%.*c', abs(n * 31 + {}) % {}, 'r') WHERE {}", table->name,
                  below(random_, 1000), longest() + 1, some_rows(*table)));
}

void Application::erase() {
  if (ModelTable* table = any_table())
    run(fmt::format("DELETE FROM {} WHERE {}", table->name, some_rows(*table)));
}

void Application::erase_all() {
  if (ModelTable* table = any_table()) run(fmt::format("DELETE FROM {}", table->name));
}

void Application::replace() {
  if (ModelTable* table = any_table())
    run(table->insert("REPLACE", static_cast<int64_t>(below(random_, static_cast<uint64_t>(next_))),
                      1 + static_cast<int64_t>(below(random_, 20)), longest(), random_));
}

void Application::change_keys() {
  ModelTable* table = any_table();
  if (table == nullptr || table->key == KeyShape::kNone) return;
  const bool integer = table->key == KeyShape::kRowid || table->key == KeyShape::kAutoincrement;
  const std::string change = table->key == KeyShape::kPair ? "b = b || 'x'"
                             : integer ? fmt::format("id = id + {}", 1 + below(random_, 5000))
                                       : "id = id || 'x'";
  run(fmt::format("UPDATE {} {} SET {} WHERE {}", one_in(random_, 2) ? "OR IGNORE" : "OR REPLACE",
                  table->name, change, some_rows(*table)));
}

void Application::move_rowids() {
  ModelTable* table = any_table();
  if (table == nullptr || !table->has_rowid()) return;
  run(fmt::format("UPDATE OR IGNORE {} SET rowid = rowid + {} WHERE {}", table->name,
                  static_cast<int64_t>(below(random_, 4000)) - 2000, some_rows(*table)));
}

void Application::add_column() {
  ModelTable* table = any_table();
  if (table == nullptr || table->extra.size() > 6) return;
  const std::string name = "x" + std::to_string(100 + ++names_);
  const std::string value = one_in(random_, 2) ? fmt::format(" DEFAULT {}", below(random_, 9)) : "";
  if (run_all(fmt::format("ALTER TABLE {} ADD COLUMN {} INTEGER{}", table->name, name, value)))
    table->extra.push_back(name);
}

void Application::rename_column() {
  ModelTable* table = any_table();
  if (table == nullptr || table->extra.empty()) return;
  const std::string name = "x" + std::to_string(100 + ++names_);
  if (run_all(fmt::format("ALTER TABLE {} RENAME COLUMN {} TO {}", table->name, table->extra.back(), name)))
    table->extra.back() = name;
}

void Application::drop_column() {
  ModelTable* table = any_table();
  if (table == nullptr || table->extra.empty()) return;
  if (run_all(fmt::format("ALTER TABLE {} DROP COLUMN {}", table->name, table->extra.back())))
    table->extra.pop_back();
}

// As Alembic's batch mode does it.
void Application::rebuild() {
  ModelTable* table = any_table();
  if (table == nullptr) return;
  std::string columns;
  for (const auto& name : table->columns()) columns += (columns.empty() ? "" : ", ") + name;
  const std::string interim = "_alembic_tmp_" + table->name;
  for (const std::string& sql :
       {table->definition(interim),
        fmt::format("INSERT INTO {0}({1}) SELECT {1} FROM {2}", interim, columns, table->name),
        "DROP TABLE " + table->name, fmt::format("ALTER TABLE {} RENAME TO {}", interim, table->name),
        table->index_definitions()}) {
    if (!run_all(sql)) return;
  }
}

void Application::drop_and_create() {
  ModelTable* table = any_table();
  if (table == nullptr) return;
  if (!run_all("DROP TABLE " + table->name)) return;
  std::string name = table->name;
  const bool alike = one_in(random_, 2);
  if (!alike) {
    if (one_in(random_, 2)) name = "t" + std::to_string(++names_);
    *table = random_table(name, random_);
  }
  if (!run_all(table->definition(table->name))) return;
  run(table->index_definitions());
  run(table->insert("INSERT", one_in(random_, 2) ? 1 : next_, 1 + static_cast<int64_t>(below(random_, 60)),
                    longest(), random_));
  next_ += 60;
}

void Application::savepoints() {
  const auto kept = tables_;
  run("SAVEPOINT outer");
  change_rows();
  run("SAVEPOINT inner");
  change_rows();
  if (one_in(random_, 2)) run("ROLLBACK TO inner");
  run("RELEASE inner");
  change_rows();
  if (one_in(random_, 2)) {
    run("ROLLBACK TO outer");
    tables_ = kept;
  }
  if (!run_all("RELEASE outer")) {
    run("ROLLBACK TO outer");
    run("RELEASE outer");
    tables_ = kept;
  }
}

void Application::change_rows() {
  static constexpr Step kSteps[] = {
      {20, &Application::insert},     {16, &Application::update},    {16, &Application::overwrite_in_place},
      {8, &Application::resize},      {12, &Application::erase},     {8, &Application::replace},
      {5, &Application::change_keys}, {5, &Application::move_rowids}};
  uint64_t at = below(random_, 90);
  for (const Step& step : kSteps) {
    if (at < static_cast<uint64_t>(step.weight)) return (this->*step.take)();
    at -= static_cast<uint64_t>(step.weight);
  }
}

void Application::batch() {
  open();
  static constexpr Step kSchema[] = {{3, &Application::add_column},      {2, &Application::rename_column},
                                     {2, &Application::drop_column},     {3, &Application::rebuild},
                                     {3, &Application::drop_and_create}, {3, &Application::erase_all},
                                     {6, &Application::savepoints},      {78, &Application::change_rows}};
  static constexpr Step kFile[] = {{8, &Application::vacuum},
                                   {3, &Application::vacuum_into},
                                   {10, &Application::incremental_vacuum},
                                   {10, &Application::flip_journal_mode},
                                   {25, &Application::checkpoint},
                                   {8, &Application::checkpoint_settings},
                                   {14, &Application::reopen},
                                   {10, &Application::begin_to_read},
                                   {6, &Application::end_reading},
                                   {3, &Application::keep_copy},
                                   {3, &Application::put_copy_back}};
  const auto one_of = [&](const auto& steps) {
    uint64_t at = below(random_, 100);
    for (const Step& step : steps) {
      if (at < static_cast<uint64_t>(step.weight)) return (this->*step.take)();
      at -= static_cast<uint64_t>(step.weight);
    }
  };
  if (one_in(random_, 12)) return;  // nothing happened
  if (!before_transaction_ && one_in(random_, 3)) {
    one_of(kFile);
    if (!is_open_ || one_in(random_, 3)) return;
  }
  if (!one_in(random_, 3)) begin();
  for (uint64_t i = 1 + below(random_, 5); i > 0; --i) one_of(kSchema);
  if (one_in(random_, 25)) return be_killed();
  if (!one_in(random_, 10)) end();  // else it is left open
  if (one_in(random_, 25)) be_killed();
}

}  // namespace syncnode::capture
