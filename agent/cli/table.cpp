#include "cli/table.h"

#include <algorithm>
#include <numeric>

#include "cli/text.h"

namespace syncnode::cli {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowest = 8;  // a column is not cut below this

const char* escape_of(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kGood:
      return "\033[32m";
    case Style::kWarning:
      return "\033[33m";
    case Style::kBad:
      return "\033[31m";
    case Style::kFaint:
      return "\033[2m";
    case Style::kStrong:
      return "\033[1m";
  }
  return "";
}

void append_cell(std::string& line, const Table::Cell& cell, Table::Align align, size_t width,
                 const Look& look) {
  std::string text = fit(cell.text, width);
  std::string padding(width - display_width(text), ' ');
  if (align == Table::Align::kRight) line += padding;
  line += painted(cell.style, text, look);
  if (align == Table::Align::kLeft) line += padding;
}

void finish_line(std::string& page, std::string line) {
  while (!line.empty() && line.back() == ' ') line.pop_back();
  page += line + "\n";
}

}  // namespace

std::string painted(Style style, const std::string& text, const Look& look) {
  if (!look.colour || style == Style::kPlain || text.empty()) return text;
  return escape_of(style) + text + "\033[0m";
}

std::vector<size_t> Table::widths(const Look& look) const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = display_width(columns_[i].heading);
    for (const auto& row : rows_) width = std::max(width, display_width(row[i].text));
    widths.push_back(width);
  }
  size_t total = std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
  while (look.columns > 0 && total > look.columns) {
    auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kNarrowest) break;
    --*widest;
    --total;
  }
  return widths;
}

std::string Table::render(const Look& look) const {
  if (rows_.empty()) return "";
  auto width = widths(look);
  std::string page, heading;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (i > 0) heading.append(kGap, ' ');
    append_cell(heading, {columns_[i].heading, Style::kFaint}, columns_[i].align, width[i], look);
  }
  finish_line(page, std::move(heading));
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) line.append(kGap, ' ');
      append_cell(line, row[i], columns_[i].align, width[i], look);
    }
    finish_line(page, std::move(line));
  }
  return page;
}

}  // namespace syncnode::cli
