// Value: one SQLite value as SQLite stores it: a storage class and its bytes (SQLite file format §2.1).
// Refuses every conversion: decide by the class of the value, never by the declared type of its column.
// ValueView borrows its bytes from whoever produced it (a statement's current row, a buffer).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace syncnode {

// The numbers are part of the key and hash formats and never change (docs/FORMATS.md).
enum class StorageClass : uint8_t { kNull = 0, kInteger = 1, kReal = 2, kText = 3, kBlob = 4 };

std::string_view to_string(StorageClass storage_class);  // as SQLite's typeof(): "null", "integer", …

struct ValueView {
  StorageClass storage_class = StorageClass::kNull;
  int64_t integer = 0;     // kInteger
  double real = 0;         // kReal; may be an infinity, never NaN (SQLite stores NaN as NULL)
  std::string_view bytes;  // kText (in UTF-8 encoding, may hold NUL or be invalid UTF-8), kBlob

  static ValueView null() { return {}; }
  static ValueView of_integer(int64_t value) { return {StorageClass::kInteger, value, 0, {}}; }
  static ValueView of_real(double value) { return {StorageClass::kReal, 0, value, {}}; }
  static ValueView of_text(std::string_view value) { return {StorageClass::kText, 0, 0, value}; }
  static ValueView of_blob(std::string_view value) { return {StorageClass::kBlob, 0, 0, value}; }
  bool is_null() const { return storage_class == StorageClass::kNull; }
};

// Equal class and equal bytes; reals by their 64 bits (so -0.0 differs from 0.0).
bool same_value(const ValueView& left, const ValueView& right);

}  // namespace syncnode
