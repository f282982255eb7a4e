#include <gtest/gtest.h>

#include "daemon/arguments.h"

namespace syncnode::daemon {
namespace {

TEST(NodeArguments, NameTheNodeAndItsFiles) {
  auto arguments = parse_arguments({"--node", "b", "--env-file", "x", "--check-config"});
  ASSERT_TRUE(arguments);
  EXPECT_EQ(arguments->node, "b");
  EXPECT_EQ(arguments->env_files, std::vector<std::string>{"x"});
  EXPECT_TRUE(arguments->check_config);
}

TEST(NodeArguments, RefuseAnythingElse) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"--node"}, {"--node", "c"}, {"--node", "node-a"}, {"a"}, {"--env-file"}, {"--check"}}) {
    EXPECT_FALSE(parse_arguments(words));
  }
}

}  // namespace
}  // namespace syncnode::daemon
