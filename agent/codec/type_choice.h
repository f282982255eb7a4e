// Which type a column of the copy gets: what was declared, unless the stored values say otherwise. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "codec/target_type.h"

namespace syncnode::codec {

// How many stored values of each kind a column holds (NULLs do not count).
struct ColumnCensus {
  int64_t zero_or_one = 0;  // INTEGER 0 and 1, also counted in `integers`
  int64_t integers = 0;
  int64_t reals = 0;
  int64_t texts = 0;
  int64_t blobs = 0;

  int64_t total() const { return integers + reals + texts + blobs; }
};

// The type the declaration asks for (design: BOOL*, *INT*, JSON, REAL/FLOA/DOUB, CHAR/CLOB/TEXT, BLOB,
// NUMERIC/DECIMAL); nothing for dates, untyped and unknown words.
std::optional<TargetType> declared_target_type(std::string_view declared);

// How many of the counted values would fit. An upper bound for json, numeric and text, whose bytes decide.
int64_t fitting(TargetType type, const ColumnCensus& census);

// The declared type while at least nine in ten values fit it, else the type that most values fit.
TargetType choose_type(std::string_view declared, const ColumnCensus& census);

}  // namespace syncnode::codec
