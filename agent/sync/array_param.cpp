#include "sync/array_param.h"

#include "codec/bytes.h"

namespace syncnode::sync {

void ArrayParam::add_field(std::string_view field) {
  built_.append(field);
  ++count_;
}

void ArrayParam::add_bytes(std::string_view payload) {
  codec::append_big_endian(built_, static_cast<uint32_t>(payload.size()));
  built_.append(payload);
  ++count_;
}

void ArrayParam::add_int64(int64_t value) {
  codec::append_big_endian(built_, uint32_t{8});
  codec::append_big_endian(built_, static_cast<uint64_t>(value));
  ++count_;
}

void ArrayParam::clear() {
  built_.resize(kHeaderBytes);
  count_ = 0;
}

// Rows are some megabytes: what is known last is written in front of them, instead of them behind it.
postgres::Param ArrayParam::param() {
  std::string header;
  codec::append_big_endian(header, uint32_t{count_ == 0 ? 0U : 1U});  // dimensions
  codec::append_big_endian(header, uint32_t{1});                      // may hold NULLs
  codec::append_big_endian(header, element_oid_);
  codec::append_big_endian(header, static_cast<uint32_t>(count_));
  codec::append_big_endian(header, uint32_t{1});  // lower bound
  built_.replace(0, kHeaderBytes, header);
  const size_t size = count_ == 0 ? kHeaderBytes - 8 : built_.size();  // no dimension: no count, no bound
  return postgres::Param::binary_of(array_oid_, std::string_view(built_).substr(0, size));
}

}  // namespace syncnode::sync
