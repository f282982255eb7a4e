// Table: rows for people, in aligned columns, cut to the width of the terminal. Refuses JSON and paging. One
// thread.
#pragma once

#include <string>
#include <vector>

namespace syncnode::cli {

enum class Style { kPlain, kGood, kWarning, kBad, kFaint, kStrong };

// What a terminal may be sent: `columns` 0 means no limit (a file or a pipe).
struct Look {
  bool colour = false;
  size_t columns = 0;
};

std::string painted(Style style, const std::string& text, const Look& look);

class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string heading;
    Align align = Align::kLeft;
  };
  struct Cell {
    Cell(std::string cell_text, Style cell_style = Style::kPlain)  // NOLINT(google-explicit-constructor)
        : text(std::move(cell_text)), style(cell_style) {}
    std::string text;
    Style style;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  std::string render(const Look& look) const;  // "" without rows

 private:
  std::vector<size_t> widths(const Look& look) const;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace syncnode::cli
