#include <gtest/gtest.h>

#include "docker_ipv6/flags.h"
#include "docker_ipv6/options.h"
#include "docker_ipv6/prefix.h"
#include "docker_ipv6/record.h"
#include "docker_ipv6/version.h"

namespace syncnode::docker_ipv6 {
namespace {

TEST(DockerVersionText, OfDockerd) {
  const auto is = [](const char* text, int major, int minor, int patch) {
    EXPECT_EQ(parse_version(text), (DockerVersion{major, minor, patch})) << text;
  };
  is("Docker version 20.10.24+dfsg1, build 297e128\n", 20, 10, 24);
  is("Docker version 26.1.5+dfsg1, build 411e817", 26, 1, 5);
  is("Docker version 28.0.0-rc.1, build 1", 28, 0, 0);
  is("Docker version 24.0-dev, build 1", 24, 0, 0);
  for (const char* text : {"", "podman version x", "dockerd: not found", "Docker version 20"}) {
    EXPECT_FALSE(parse_version(text)) << text;
  }
}

TEST(Prefixes, AreCanonicalOrRefused) {
  EXPECT_EQ(to_string(*parse_prefix("FD00:0:0:1::/64")), "fd00:0:0:1::/64");
  EXPECT_EQ(to_string(*parse_prefix("fd00::/80")), "fd00::/80");
  for (const char* text : {"", "fd00::", "fd00::/", "fd00::/129", "fd00::/-1", "10.0.0.0/8", "fd00::/64 ",
                           "x/64", "fd00::/6 4"}) {
    EXPECT_FALSE(parse_prefix(text)) << text;
  }
  const auto with_host_bits = parse_prefix("fd00::1/64");
  ASSERT_FALSE(with_host_bits);
  EXPECT_NE(with_host_bits.error().hint.find("'fd00::/64'"), std::string::npos)
      << with_host_bits.error().hint;
}

TEST(Prefixes, ForTheBridge) {
  for (const char* text : {"fd00::/64", "2a01:4f8:1:2::/64", "fd00::/80"}) {
    EXPECT_TRUE(check_for_bridge(*parse_prefix(text))) << text;
  }
  for (const char* text : {"fd00::/63", "fd00::/81", "2001:db8::/64", "fe80::/64", "ff02::/64", "::/64"}) {
    EXPECT_FALSE(check_for_bridge(*parse_prefix(text))) << text;
  }
}

TEST(Prefixes, Overlap) {
  EXPECT_TRUE(overlap(*parse_prefix("fd00::/64"), *parse_prefix("fd00::/48")));
  EXPECT_TRUE(overlap(*parse_prefix("fd00::/48"), *parse_prefix("fd00:0:0:5::/64")));
  EXPECT_FALSE(overlap(*parse_prefix("fd00:0:0:1::/64"), *parse_prefix("fd00:0:0:2::/64")));
}

TEST(Prefixes, ADrawnOneIsUniqueLocalAndNeverTheSame) {
  const auto first = draw_unique_local(), second = draw_unique_local();
  ASSERT_TRUE(first && second);
  EXPECT_NE(*first, *second);
  EXPECT_TRUE(check_for_bridge(*first));
  EXPECT_EQ(to_string(*first).substr(0, 2), "fd");
  EXPECT_EQ(first->length, 64);
}

TEST(Flags, OfAUnit) {
  const auto command = command_line_of(
      "{ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd -H fd:// "
      "--containerd=/run/containerd/containerd.sock "
      "$DOCKER_OPTS ; ignore_errors=no ; start_time=[n/a] ; pid=0 }");
  EXPECT_EQ(command.words, (std::vector<std::string>{"/usr/sbin/dockerd", "-H", "fd://",
                                                     "--containerd=/run/containerd/containerd.sock"}));
  EXPECT_EQ(command.variables, std::vector<std::string>{"$DOCKER_OPTS"});
  EXPECT_TRUE(command_line_of("").words.empty());
}

TEST(Flags, Values) {
  const std::vector<std::string> words{"--ipv6",  "--bip", "10.0.0.1/8", "--iptables=false",
                                       "--debug", "-H",    "fd://",      "--iptables=true"};
  EXPECT_EQ(flag(words, "ipv6"), "true");
  EXPECT_EQ(flag(words, "bip"), "10.0.0.1/8");
  EXPECT_EQ(flag(words, "iptables"), "true") << "the last one counts";
  EXPECT_EQ(flag(words, "debug"), "true");
  EXPECT_FALSE(flag(words, "ip"));
  EXPECT_EQ(without_file_flag({"--config-file", "a", "-D", "--config-file=b"}),
            std::vector<std::string>{"-D"});
}

TEST(Records, SayWhatWasChanged) {
  const Record record{true, {{"ipv6", {}, "true"}, {"ip6tables", "false", "true"}}};
  const auto read = parse_record(to_text(record));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->created);
  EXPECT_EQ(read->changes, record.changes);
}

TEST(Records, NeverMakeRootWriteAnythingElse) {
  std::string text = to_text({false, {{"ipv6", {}, "true"}}});
  text.replace(text.find("ipv6"), 4, "hosts");
  EXPECT_FALSE(parse_record(text));
  for (const char* broken :
       {"", "{}", "[]", R"({"version":2,"created":false,"changes":[]})", R"({"version":1,"changes":[]})"}) {
    EXPECT_FALSE(parse_record(broken)) << broken;
  }
}

TEST(Records, KeepTheFirstValueOverSeveralRuns) {
  const Record first{false, {{"ipv6", "false", "true"}}};
  const Record both = joined(first, {{"fixed-cidr-v6", {}, "\"fd00::/64\""}, {"ipv6", "true", "true"}});
  ASSERT_EQ(both.changes.size(), 2u);
  EXPECT_EQ(both.changes[0].before, "false");
  EXPECT_TRUE(in_effect(both, R"({"ipv6": true})"));
  EXPECT_FALSE(in_effect(both, R"({"ipv6": false})"));
}

TEST(CommandLine, FormsAndRefusals) {
  const auto enable = parse_options({"enable", "--cidr", "fd00::/64", "--restart", "--yes"});
  ASSERT_TRUE(enable);
  EXPECT_TRUE(enable->restart && enable->yes && !enable->only_reads());
  EXPECT_EQ(to_string(*enable->prefix), "fd00::/64");
  EXPECT_TRUE(parse_options({"disable", "--dry-run"})->only_reads());
  for (const std::vector<std::string>& words : {std::vector<std::string>{},
                                                {"enabled"},
                                                {"enable", "x"},
                                                {"enable", "--file", "/etc/shadow"},
                                                {"enable", "--file=/x"},
                                                {"enable", "--cidr"},
                                                {"enable", "--cidr", "fd00::1/64"},
                                                {"enable", "--cidr=2001:db8::/64"},
                                                {"enable", "--cidr=fd00::/64", "--cidr=fd00::/64"},
                                                {"enable", "--yes"},
                                                {"enable", "--restart", "--restart"},
                                                {"enable", "--dry-run", "--restart"},
                                                {"enable", "--json"},
                                                {"status", "--restart"},
                                                {"plan", "--yes"},
                                                {"disable", "--force"},
                                                {"disable", "--cidr=fd00::/64"},
                                                {"status", "status"}}) {
    const auto refused = parse_options(words);
    EXPECT_FALSE(refused) << (words.empty() ? "" : words.back());
  }
}

}  // namespace
}  // namespace syncnode::docker_ipv6
