// ArrayParam: a one-dimensional binary array parameter, built element by element. Elements have the very form
// of COPY fields (array_send), so encoded rows go from the spool into parameters without being looked at. One
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "postgres/connection.h"

namespace syncnode::sync {

class ArrayParam {
 public:
  // Oids of the element and of its array type (pg_type.dat).
  ArrayParam(uint32_t element_oid, uint32_t array_oid) : element_oid_(element_oid), array_oid_(array_oid) {}
  static ArrayParam of_bytea() { return {17, 1001}; }
  static ArrayParam of_text() { return {25, 1009}; }
  static ArrayParam of_bigint() { return {20, 1016}; }

  void add_field(std::string_view field);  // length and payload, as in COPY
  void add_bytes(std::string_view payload);
  void add_int64(int64_t value);

  int64_t count() const { return count_; }
  size_t size() const { return built_.size() - kHeaderBytes; }
  void clear();
  // Borrowed from this object until the next change.
  postgres::Param param();

 private:
  static constexpr size_t kHeaderBytes = 20;

  uint32_t element_oid_;
  uint32_t array_oid_;
  int64_t count_ = 0;
  std::string built_ = std::string(kHeaderBytes, '\0');  // room for the header, and the elements behind it
};

}  // namespace syncnode::sync
