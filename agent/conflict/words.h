// The words of the policy file and what they mean, once, for reading and for writing. Plain data, any thread.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "conflict/policy.h"

namespace syncnode::conflict {

template <typename Meaning, size_t kCount>
using Words = std::array<std::pair<std::string_view, Meaning>, kCount>;

inline constexpr Words<Strategy, 5> kStrategies = {{{"newest_wins", Strategy::kNewestWins},
                                                    {"source_wins", Strategy::kSourceWins},
                                                    {"target_wins", Strategy::kTargetWins},
                                                    {"merge", Strategy::kMerge},
                                                    {"manual", Strategy::kManual}}};

inline constexpr Words<FieldRule, 5> kFieldRules = {{{"append", FieldRule::kAppend},
                                                     {"union", FieldRule::kUnion},
                                                     {"newest_wins", FieldRule::kNewestWins},
                                                     {"source_wins", FieldRule::kSourceWins},
                                                     {"target_wins", FieldRule::kTargetWins}}};

inline constexpr Words<Channel, 2> kChannels = {{{"log", Channel::kLog}, {"metrics", Channel::kMetrics}}};

template <typename Meaning, size_t kCount>
constexpr std::string_view word_for(const Words<Meaning, kCount>& words, Meaning meaning) {
  for (const auto& [word, means] : words) {
    if (means == meaning) return word;
  }
  return "";
}

}  // namespace syncnode::conflict
