// Any object, written in any way: enabling keeps every other member, its order and its bytes; taking it back
// gives the very text of before.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "docker_ipv6/daemon_text.h"
#include "docker_ipv6/plan.h"

namespace syncnode::docker_ipv6 {
namespace {

class RandomText {
 public:
  explicit RandomText(uint32_t seed) : engine_(seed), newline_(one_of({"\n", "\r\n", "\n\n"})) {}

  // Of at most `most` members, some of them those this program sets.
  std::string object(int levels, int most) {
    std::string text = "{";
    std::vector<std::string> used;
    const int count = below(most + 1);
    for (int number = 0; number < count; ++number) {
      const std::string name = levels == 3 && below(3) == 0
                                   ? one_of({"ipv6", "fixed-cidr-v6", "ip6tables", "experimental"})
                                   : "k" + std::to_string(below(50));
      if (std::ranges::find(used, name) != used.end()) continue;
      text += used.empty() ? "" : ",";
      used.push_back(name);
      text += blank() + spelt(name) + space() + ":" + space() + value(levels - 1, name) + space();
    }
    return text + blank() + "}";
  }

  std::string document() { return one_of({"", " ", "\n"}) + object(3, 6) + one_of({"", "\n", " \n"}); }

 private:
  int below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(engine_); }
  std::string one_of(std::vector<std::string> words) {
    return words[static_cast<size_t>(below(static_cast<int>(words.size())))];
  }
  std::string space() { return one_of({"", "", " ", "  ", "\t"}); }
  std::string blank() { return one_of({"", " ", newline_, newline_ + "    ", newline_ + "\t"}); }

  // Now and then with a letter as an escape.
  std::string spelt(const std::string& name) {
    if (below(6) != 0) return '"' + name + '"';
    return fmt_escape(name[0]) + name.substr(1) + '"';
  }
  static std::string fmt_escape(char letter) {
    const char* digits = "0123456789abcdef";
    return std::string("\"\\u00") + digits[letter / 16] + digits[letter % 16];
  }

  std::string value(int levels, const std::string& name) {
    if (name == "fixed-cidr-v6" && below(2) == 0) return "\"fd00:aa::/64\"";
    if (levels > 0 && below(3) == 0) return object(levels, 4);
    if (levels > 0 && below(3) == 0) return "[" + blank() + value(levels - 1, "") + ",\"x\"]";
    return one_of({"true", "false", "null", "0", "-0", "1.50", "1e3", "12345678901234567890", "\"\"",
                   "\"a,}]{\\\"\\\\\"", "\"\xC3\xA9\\ud83d\\ude00\"", "{}", "[]"});
  }

  std::mt19937 engine_;
  std::string newline_;
};

bool is_ours(const std::string& key, const std::vector<Change>& changes) {
  return std::ranges::find(changes, key, &Change::key) != changes.end();
}

std::vector<std::string> others(const json::Json& document, const std::vector<Change>& changes) {
  std::vector<std::string> members;
  for (const auto& [key, value] : document.items()) {
    if (!is_ours(key, changes)) members.push_back(key + "=" + json::to_text(value));
  }
  return members;
}

// Every member that is not ours stands in the new text as it stood in the old one.
void expect_same_bytes(const std::string& text, const std::string& changed, const json::Json& document,
                       const std::vector<Change>& changes) {
  for (const auto& [key, value] : document.items()) {
    if (is_ours(key, changes)) continue;
    EXPECT_EQ(value_text(text, key), value_text(changed, key)) << key;
  }
}

void check(const std::string& text, const DockerVersion& version) {
  const auto document = read_document(text);
  ASSERT_TRUE(document) << "the generator wrote no JSON";
  const auto suggested = parse_prefix("fd12:3456:789a::/64");
  ASSERT_TRUE(suggested);
  const auto plan = plan_enable({.version = version,
                                 .flags = {},
                                 .unread = {},
                                 .text = text,
                                 .taken = {},
                                 .advertised_on = {},
                                 .suggested = *suggested},
                                {.prefix = {}, .force = true});
  ASSERT_TRUE(plan);
  const auto changed = apply_changes(text, plan->changes);
  ASSERT_TRUE(changed);
  const auto after = read_document(*changed);
  ASSERT_TRUE(after);
  EXPECT_EQ(others(*document, plan->changes), others(*after, plan->changes));
  expect_same_bytes(text, *changed, *document, plan->changes);
  for (const Change& change : plan->changes) EXPECT_EQ(value_text(*changed, change.key), change.after);
  const auto undone = undo_changes(*changed, plan->changes);
  ASSERT_TRUE(undone);
  EXPECT_TRUE(undone->left.empty());
  if (document->empty()) {
    EXPECT_EQ(*read_document(undone->text), *document);
  } else {
    EXPECT_EQ(undone->text, text);
  }
}

TEST(RandomDaemonText, SameObjectPlusOurKeysAndBack) {
  for (uint32_t seed = 0; seed < 5000; ++seed) {
    const std::string text = RandomText(seed).document();
    for (const DockerVersion version :
         {DockerVersion{20, 10, 24}, DockerVersion{27, 5, 1}, DockerVersion{29, 0, 0}}) {
      check(text, version);
      ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << ": " << text;
    }
  }
}

}  // namespace
}  // namespace syncnode::docker_ipv6
