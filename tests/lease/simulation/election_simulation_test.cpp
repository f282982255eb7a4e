// The policy under a million random steps of failing nodes, networks, clocks and operators: invariants I1 to
// I9 hold (oracle.h). SEED=n replays one run. And the suite is sharp: each classic mistake, made on purpose,
// is caught.
#include <gtest/gtest.h>

#include <cstdlib>

#include "lease/simulation/world.h"

namespace syncnode::test {
namespace {

constexpr uint64_t kSteps = 1'200'000;
constexpr uint64_t kMutantRuns = 300;

TEST(ElectionSimulation, InvariantsHoldOverAMillionSteps) {
  const char* seed = std::getenv("SEED");
  const char* longer = std::getenv("SYNC_NODE_LONG");
  const uint64_t wanted = longer != nullptr ? 50 * kSteps : kSteps;
  uint64_t steps = 0, runs = 0;
  size_t grants = 0, commits = 0;
  for (uint64_t i = seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1; steps < wanted; ++i) {
    World world(i, Mutant::kNone);
    world.run();
    steps += world.steps();
    grants += world.oracle().grants();
    commits += world.oracle().commits();
    ++runs;
    ASSERT_FALSE(world.oracle().broken()) << *world.oracle().broken() << "\n  replay with SEED=" << i;
    if (seed != nullptr) break;
  }
  std::printf("  %lu runs, %lu steps, %zu terms, %zu fenced commits\n", static_cast<unsigned long>(runs),
              static_cast<unsigned long>(steps), grants, commits);
}

class Mutants : public ::testing::TestWithParam<std::pair<const char*, Mutant>> {};

TEST_P(Mutants, F46_AreCaught) {
  for (uint64_t seed = 1; seed <= kMutantRuns; ++seed) {
    World world(seed, GetParam().second);
    world.run();
    if (!world.oracle().broken()) continue;
    std::printf("  seed %lu: %s\n", static_cast<unsigned long>(seed), world.oracle().broken()->c_str());
    return;
  }
  FAIL() << "nobody noticed in " << kMutantRuns << " runs";
}

INSTANTIATE_TEST_SUITE_P(All, Mutants,
                         ::testing::Values(std::pair{"FenceWithoutLock", Mutant::kFenceWithoutLock},
                                           std::pair{"NoUniqueIndex", Mutant::kNoUniqueIndex},
                                           std::pair{"RenewWithoutTerm", Mutant::kRenewWithoutTerm},
                                           std::pair{"DeleteOnRelease", Mutant::kDeleteOnRelease},
                                           std::pair{"ReceiveForSend", Mutant::kReceiveForSend},
                                           std::pair{"BeliefSurvivesErrors", Mutant::kBeliefSurvivesErrors}),
                         [](const auto& mutant) { return mutant.param.first; });

}  // namespace
}  // namespace syncnode::test
