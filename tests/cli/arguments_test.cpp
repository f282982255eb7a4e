#include "oneshot/arguments.h"

#include <gtest/gtest.h>

namespace syncnode::oneshot {
namespace {

TEST(OneshotArguments, AreThoseOfTheReference) {
  auto arguments = parse_arguments({"acme", "--full"});
  ASSERT_TRUE(arguments);
  EXPECT_EQ(arguments->client_name, "acme");
  EXPECT_TRUE(arguments->full);
  arguments =
      parse_arguments({"--sqlite-path", "/data/webui.db", "acme", "--env-file", "a", "--env-file", "b"});
  ASSERT_TRUE(arguments);
  EXPECT_EQ(arguments->sqlite_path, "/data/webui.db");
  EXPECT_EQ(arguments->env_files, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(parse_arguments({}));
}

TEST(OneshotArguments, RefuseAnythingElse) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"--full=yes"}, {"acme", "other"}, {"--sqlite-path"}, {"--sqlite-path", ""}, {""}, {"-f"}}) {
    auto arguments = parse_arguments(words);
    ASSERT_FALSE(arguments);
    EXPECT_EQ(arguments.error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace syncnode::oneshot
