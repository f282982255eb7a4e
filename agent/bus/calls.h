// Calls: method calls that wait for their answer. A call is kept here and named by a number, so that an
// answer from another thread needs no bus message, and one that comes after the bus was lost or the caller
// answered finds nothing and is dropped. Bus thread only.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <cstdint>
#include <functional>
#include <unordered_map>

#include "base/result.h"

namespace syncnode::bus {

sdbus::Error bus_error(const Error& error);
sdbus::Error bus_error(const char* name, const Error& error);

class Calls {
 public:
  using Id = uint64_t;
  using Write = std::function<void(sdbus::MethodReply& reply)>;
  static constexpr size_t kMost = 256;
  static constexpr size_t kMostOfOneSender = 64;

  // kResourceExhausted when too many wait already, of this sender or of all. `not_found`: the name kNotFound
  // travels under, or null.
  Result<Id> add(sdbus::MethodCall call, const char* not_found);
  sdbus::MethodCall* find(Id id);

  void answer(Id id, const Write& write);
  void fail(Id id, const Error& error);
  void fail_all(const Error& error);
  void forget_all() { waiting_.clear(); }

 private:
  struct Waiting {
    sdbus::MethodCall call;
    std::string sender;
    const char* not_found;
  };
  Id next_ = 1;
  std::unordered_map<Id, Waiting> waiting_;
};

}  // namespace syncnode::bus
