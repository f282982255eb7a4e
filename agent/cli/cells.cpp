#include "cli/cells.h"

#include "cli/text.h"

namespace syncnode::cli {
namespace {

const Table::Cell kUnknown{"–", Style::kFaint};

double number_of(const json::Json& document, std::string_view member) {
  auto found = document.find(std::string(member));
  return found != document.end() && found->is_number() ? found->get<double>() : -1;
}

}  // namespace

Table::Cell text_cell(const json::Json& document, std::string_view member) {
  auto text = json::string_member(document, member);
  return text && !text->empty() ? Table::Cell(printable(*text)) : kUnknown;
}

Table::Cell count_cell(const json::Json& document, std::string_view member) {
  auto count = json::integer_member(document, member);
  return count ? Table::Cell(count_text(*count)) : kUnknown;
}

Table::Cell trouble_cell(const json::Json& document, std::string_view member) {
  auto count = json::integer_member(document, member);
  if (!count) return kUnknown;
  return {count_text(*count), *count == 0 ? Style::kFaint : Style::kWarning};
}

Table::Cell age_cell(const json::Json& document, std::string_view member) {
  double seconds = number_of(document, member);
  return seconds < 0 ? kUnknown : Table::Cell(age_text(seconds));
}

Table::Cell duration_cell(const json::Json& document, std::string_view member) {
  double seconds = number_of(document, member);
  return seconds < 0 ? kUnknown : Table::Cell(seconds_text(seconds));
}

Table::Cell status_cell(const json::Json& document, std::string_view member) {
  auto word = json::string_member(document, member);
  if (!word) return kUnknown;
  if (*word == "success" || *word == "applied" || *word == "present") return {*word, Style::kGood};
  if (*word == "failed" || *word == "fenced" || *word == "starved") return {*word, Style::kBad};
  if (*word == "held" || *word == "conflicts" || *word == "waiting" || *word == "vanished") {
    return {*word, Style::kWarning};
  }
  return {printable(*word)};
}

}  // namespace syncnode::cli
