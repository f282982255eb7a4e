// Random JSON from a seed: values, changed copies of values, and lists of messages. One thread.
#pragma once

#include <random>
#include <string>

#include "json/json.h"

namespace syncnode::conflict {

using json::Json;

class RandomJson {
 public:
  explicit RandomJson(uint32_t seed) : engine_(seed) {}

  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(engine_); }
  Json value(int levels);
  // A copy with some members and elements changed, added, removed or moved.
  Json changed(const Json& value);

 private:
  Json leaf();
  std::string name();

  std::mt19937 engine_;
};

}  // namespace syncnode::conflict
