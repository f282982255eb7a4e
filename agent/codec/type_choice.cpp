#include "codec/type_choice.h"

#include <algorithm>
#include <array>
#include <string>

namespace syncnode::codec {
namespace {

struct Rule {
  std::string_view word;
  TargetType type;
};

// In the order of SQLite's own affinity rules where they overlap ("CHARINT" is an integer there, too).
constexpr std::array kRules = {Rule{"BOOL", TargetType::kBoolean},    Rule{"INT", TargetType::kBigint},
                               Rule{"CHAR", TargetType::kText},       Rule{"CLOB", TargetType::kText},
                               Rule{"TEXT", TargetType::kText},       Rule{"BLOB", TargetType::kBytea},
                               Rule{"REAL", TargetType::kDouble},     Rule{"FLOA", TargetType::kDouble},
                               Rule{"DOUB", TargetType::kDouble},     Rule{"JSON", TargetType::kJson},
                               Rule{"NUMERIC", TargetType::kNumeric}, Rule{"DECIMAL", TargetType::kNumeric}};

constexpr int64_t kTolerated = 10;  // one misfit in ten keeps the declared type

}  // namespace

std::optional<TargetType> declared_target_type(std::string_view declared) {
  std::string upper(declared);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  for (const auto& rule : kRules) {
    if (upper.find(rule.word) != std::string::npos) return rule.type;
  }
  return std::nullopt;
}

int64_t fitting(TargetType type, const ColumnCensus& census) {
  switch (type) {
    case TargetType::kBoolean:
      return census.zero_or_one;
    case TargetType::kBigint:
      return census.integers;
    case TargetType::kDouble:
      return census.reals;
    case TargetType::kNumeric:
      return census.integers + census.reals;
    case TargetType::kText:
      return census.texts;
    case TargetType::kJson:
      return census.integers + census.reals + census.texts;
    case TargetType::kBytea:
      return census.blobs;
  }
  return 0;
}

TargetType choose_type(std::string_view declared, const ColumnCensus& census) {
  auto wanted = declared_target_type(declared);
  int64_t total = census.total();
  if (wanted && fitting(*wanted, census) * kTolerated >= total * (kTolerated - 1)) return *wanted;
  if (total == 0) return TargetType::kText;
  constexpr std::array kByClass = {TargetType::kText, TargetType::kBigint, TargetType::kDouble,
                                   TargetType::kBytea};
  TargetType best = wanted.value_or(TargetType::kText);
  for (TargetType type : kByClass) {
    if (fitting(type, census) > fitting(best, census)) best = type;
  }
  return best;
}

}  // namespace syncnode::codec
