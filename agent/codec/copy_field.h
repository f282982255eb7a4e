// One field of PostgreSQL's binary COPY (and of a binary array: both are int32 length + payload), from and to
// a SQLite value. The law: decode_field(encode_field(v)) is v, class and bytes; otherwise the value does not
// fit. Any thread; decoded bytes are borrowed from the field.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "codec/target_type.h"
#include "model/value.h"

namespace syncnode::codec {

// Larger values go to quarantine in pieces: a server field ends at 1 GiB, and a reader's memory long before.
inline constexpr size_t kLargestField = size_t{64} << 20;

// Why a value does not fit a column of this type; empty when it does. Words for `_sync_quarantine.reason`.
std::string_view misfit(TargetType type, const ValueView& value);

void append_null(std::string& out);
// Appends the field and returns an empty reason, or appends NULL and returns why (the caller quarantines the
// value).
std::string_view append_field(std::string& out, TargetType type, const ValueView& value);

// `payload` as the server sends it (without the length). Nothing when the server sent what encode never
// makes.
std::optional<ValueView> decode_field(TargetType type, std::string_view payload);

}  // namespace syncnode::codec
