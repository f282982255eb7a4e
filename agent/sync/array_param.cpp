#include "sync/array_param.h"

#include "codec/bytes.h"

namespace syncnode::sync {

void ArrayParam::add_field(std::string_view field) {
  elements_.append(field);
  ++count_;
}

void ArrayParam::add_bytes(std::string_view payload) {
  codec::append_big_endian(elements_, static_cast<uint32_t>(payload.size()));
  elements_.append(payload);
  ++count_;
}

void ArrayParam::add_int64(int64_t value) {
  codec::append_big_endian(elements_, uint32_t{8});
  codec::append_big_endian(elements_, static_cast<uint64_t>(value));
  ++count_;
}

void ArrayParam::clear() {
  elements_.clear();
  count_ = 0;
}

postgres::Param ArrayParam::param() {
  built_.clear();
  codec::append_big_endian(built_, uint32_t{count_ == 0 ? 0U : 1U});  // dimensions
  codec::append_big_endian(built_, uint32_t{1});                      // may hold NULLs
  codec::append_big_endian(built_, element_oid_);
  if (count_ > 0) {
    codec::append_big_endian(built_, static_cast<uint32_t>(count_));
    codec::append_big_endian(built_, uint32_t{1});  // lower bound
    built_ += elements_;
  }
  return postgres::Param::binary_of(array_oid_, built_);
}

}  // namespace syncnode::sync
