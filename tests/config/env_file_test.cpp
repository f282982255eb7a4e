#include "config/env_file.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "temporary_file.h"

namespace syncnode::config {
namespace {

std::vector<EnvEntry> read(std::string_view text) {
  Problems problems;
  auto entries = parse_env(text, "file", problems);
  EXPECT_TRUE(problems.empty()) << problems.to_error().message;
  return entries;
}

TEST(EnvFile, ReadsBareQuotedAndCommentedLines) {
  auto entries = read(
      "# a comment\n\n  A=plain\nB='single $x `y` \"z\" # no comment'\nC=\"double \\\" \\\\ \\$ \\`\"\n"
      "export D=x   # comment\nE=\n");
  ASSERT_EQ(entries.size(), 5u);
  EXPECT_EQ(entries[0].value, "plain");
  EXPECT_EQ(entries[1].value, "single $x `y` \"z\" # no comment");
  EXPECT_EQ(entries[2].value, "double \" \\ $ `");
  EXPECT_EQ(entries[3].key, "D");
  EXPECT_EQ(entries[3].value, "x");
  EXPECT_EQ(entries[4].value, "");
  EXPECT_EQ(entries[4].line, 7);
}

struct Refused {
  const char* text;
  const char* because;
};

class EnvFileRefuses : public testing::TestWithParam<Refused> {};

TEST_P(EnvFileRefuses, WithLineAndCure) {
  Problems problems;
  auto entries = parse_env(GetParam().text, "node.env", problems);
  EXPECT_TRUE(entries.empty());
  ASSERT_EQ(problems.count(), 1u);
  EXPECT_NE(problems.to_error().message.find("node.env line 1"), std::string::npos);
  EXPECT_NE(problems.to_error().message.find(GetParam().because), std::string::npos)
      << problems.to_error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Lines, EnvFileRefuses,
    testing::Values(
        Refused{"A", "is not KEY=VALUE"}, Refused{"1A=x", "is not KEY=VALUE"},
        Refused{"A =x", "is not KEY=VALUE"}, Refused{"A= x", "has a blank behind '='"},
        Refused{"A=x y", "has a blank in a bare value"}, Refused{"A=x'y", "has ''' in a bare value"},
        Refused{"A=$HOME", "has '$' in a bare value"}, Refused{"A=a&b", "has '&' in a bare value"},
        Refused{"A='x", "has an open quote"}, Refused{"A=\"x", "has an open quote"},
        Refused{"A='x'y", "has text behind the closing quote"},
        Refused{"A='x'#y", "has text behind the closing quote"},
        Refused{"A=\"$x\"", "which a shell would expand"}, Refused{"A=\"\\n\"", "read in different ways"},
        Refused{"A=x\r", "as a Windows line"}, Refused{"A=x\x01", "control character"}));

TEST(EnvFile, RefusesAKeyTwice) {
  Problems problems;
  EXPECT_EQ(parse_env("A=1\nA=2\n", "f", problems).size(), 1u);
  EXPECT_NE(problems.to_error().message.find("f line 2 sets A again"), std::string::npos);
}

// In single quotes where that is possible, else in double quotes with everything escaped.
std::string env_quoted(std::string_view value) {
  bool plain = value.find_first_of(" \t#~'\"\\$`&;|<>()") == std::string_view::npos;
  if (plain) return std::string(value);
  if (value.find('\'') == std::string_view::npos) return "'" + std::string(value) + "'";
  std::string text = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\' || c == '$' || c == '`') text.push_back('\\');
    text.push_back(c);
  }
  return text + "\"";
}

// Bare, single and double quoted values mean the same here and in a real shell.
TEST(EnvFile, AgreesWithTheShell) {
  std::mt19937 random(3);
  const std::string letters = "aZ0 '\"\\$`#&;|<>()~!*?=:/@%\t\xc3\xbc";
  std::string text, script;
  std::vector<std::string> values;
  for (int i = 0; i < 400; ++i) {
    std::string value;
    for (size_t length = random() % 12; length > 0; --length)
      value.push_back(letters[random() % letters.size()]);
    text += "V" + std::to_string(i) + "=" + env_quoted(value) + "\n";
    script += "printf '%s\\n' \"$V" + std::to_string(i) + "\"; ";
    values.push_back(value);
  }
  auto entries = read(text);
  ASSERT_EQ(entries.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(entries[i].value, values[i]) << text;

  TemporaryFile file(text);
  std::string command = "set -eu; . " + file.path() + "; " + script;
  TemporaryFile script_file(command);
  FILE* shell = ::popen(("/bin/sh " + script_file.path()).c_str(), "r");
  ASSERT_NE(shell, nullptr);
  std::string output, expected;
  for (int c = std::fgetc(shell); c != EOF; c = std::fgetc(shell)) output.push_back(static_cast<char>(c));
  EXPECT_EQ(::pclose(shell), 0);
  for (const auto& value : values) expected += value + "\n";
  EXPECT_EQ(output, expected);
}

TEST(EnvFile, SurvivesHostileText) {
  std::mt19937 random(5);
  const std::string letters = "AB=='\"\\$# \n\t\r\x01\xff";
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (size_t length = random() % 30; length > 0; --length)
      text.push_back(letters[random() % letters.size()]);
    Problems problems;
    for (const auto& entry : parse_env(text, "f", problems)) EXPECT_FALSE(entry.key.empty());
  }
}

}  // namespace
}  // namespace syncnode::config
