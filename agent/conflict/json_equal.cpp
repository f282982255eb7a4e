#include "conflict/json_equal.h"

#include <bit>
#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace syncnode::conflict {
namespace {

using Pair = std::pair<const Json*, const Json*>;

bool same_number(const Json& left, const Json& right) {
  if (left.is_number_float() || right.is_number_float()) {
    return left.is_number_float() && right.is_number_float() &&
           std::bit_cast<uint64_t>(left.get<double>()) == std::bit_cast<uint64_t>(right.get<double>());
  }
  const bool left_big = left.is_number_unsigned() && left.get<uint64_t>() > INT64_MAX;
  const bool right_big = right.is_number_unsigned() && right.get<uint64_t>() > INT64_MAX;
  return left_big == right_big && left.get<uint64_t>() == right.get<uint64_t>();
}

bool same_leaf(const Json& left, const Json& right) {
  if (left.is_number() && right.is_number()) return same_number(left, right);
  return left.type() == right.type() && left == right;
}

// Pushes the members that stand for each other; false when the names differ.
bool pair_members(const Json& left, const Json& right, std::vector<Pair>& pairs) {
  const auto& ours = left.get_ref<const Json::object_t&>();
  const auto& theirs = right.get_ref<const Json::object_t&>();
  if (ours.size() != theirs.size()) return false;
  std::unordered_map<std::string_view, const Json*> index;  // filled when the order turns out to differ
  auto beside = theirs.begin();
  for (const auto& [name, value] : ours) {
    if (index.empty() && beside->first == name) {
      pairs.emplace_back(&value, &beside->second);
      ++beside;
      continue;
    }
    if (index.empty()) {
      for (const auto& [their_name, their_value] : theirs) index.emplace(their_name, &their_value);
    }
    const auto found = index.find(name);
    if (found == index.end()) return false;
    pairs.emplace_back(&value, found->second);
  }
  return true;
}

bool pair_elements(const Json& left, const Json& right, std::vector<Pair>& pairs) {
  if (left.size() != right.size()) return false;
  for (size_t i = 0; i < left.size(); ++i) pairs.emplace_back(&left[i], &right[i]);
  return true;
}

size_t mixed(size_t hash, size_t more) {
  return (hash ^ more) * size_t{0x9E3779B97F4A7C15} + (hash >> 29);
}

size_t hash_within(const Json& value, int levels) {
  if (value.is_number_float()) return std::hash<uint64_t>()(std::bit_cast<uint64_t>(value.get<double>())) + 1;
  if (value.is_number()) return std::hash<uint64_t>()(value.get<uint64_t>());
  if (value.is_string()) return std::hash<std::string>()(value.get_ref<const std::string&>());
  if (!value.is_structured()) return mixed(static_cast<size_t>(value.type()), value == Json(true) ? 1 : 0);
  size_t hash = mixed(value.is_array() ? 3 : 5, value.size());
  if (levels == 0) return hash;
  if (value.is_array()) {
    for (const Json& element : value) hash = mixed(hash, hash_within(element, levels - 1));
    return hash;
  }
  for (const auto& [name, member] : value.get_ref<const Json::object_t&>()) {
    hash += mixed(std::hash<std::string>()(name), hash_within(member, levels - 1));  // in any order the same
  }
  return hash;
}

constexpr int kHashedLevels = 64;

}  // namespace

bool same_json(const Json& left, const Json& right) {
  std::vector<Pair> pairs{{&left, &right}};
  while (!pairs.empty()) {
    const auto [ours, theirs] = pairs.back();
    pairs.pop_back();
    if (ours->is_object() && theirs->is_object()) {
      if (!pair_members(*ours, *theirs, pairs)) return false;
    } else if (ours->is_array() && theirs->is_array()) {
      if (!pair_elements(*ours, *theirs, pairs)) return false;
    } else if (ours->is_structured() || theirs->is_structured() || !same_leaf(*ours, *theirs)) {
      return false;
    }
  }
  return true;
}

bool same_json(const Json* left, const Json* right) {
  if (left == nullptr || right == nullptr) return left == right;
  return left == right || same_json(*left, *right);
}

size_t json_hash(const Json& value) {
  return hash_within(value, kHashedLevels);
}

const Json* member_of(const Json* object, std::string_view name) {
  if (object == nullptr || !object->is_object()) return nullptr;
  const auto found = object->find(name);
  return found == object->end() ? nullptr : &*found;
}

}  // namespace syncnode::conflict
