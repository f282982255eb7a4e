#include "docker_ipv6/plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace syncnode::docker_ipv6 {
namespace {

Prefix prefix(const char* text) {
  auto parsed = parse_prefix(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Prefix{};
}

Situation with(const DockerVersion& version, std::string text = "") {
  return {.version = version,
          .flags = {},
          .unread = {},
          .text = std::move(text),
          .taken = {},
          .advertised_on = {},
          .suggested = prefix("fd12:3456:789a::/64")};
}

Plan plan_of(const Situation& situation, const Wishes& wishes = {}) {
  auto plan = plan_enable(situation, wishes);
  EXPECT_TRUE(plan);
  return plan ? *plan : Plan{};
}

std::string keys(const std::vector<Change>& changes) {
  std::string all;
  for (const Change& change : changes) all += (all.empty() ? "" : " ") + change.key + "=" + change.after;
  return all;
}

bool mentions(const std::vector<std::string>& texts, std::string_view words) {
  return std::ranges::any_of(texts,
                             [&](const std::string& text) { return text.find(words) != std::string::npos; });
}

bool refuses(const Plan& plan, std::string_view words) {
  return std::ranges::any_of(
      plan.refusals, [&](const Error& error) { return error.message.find(words) != std::string::npos; });
}

TEST(Plan, EachDockerGetsWhatItNeeds) {
  const std::string four = "ipv6=true fixed-cidr-v6=\"fd12:3456:789a::/64\" ip6tables=true experimental=true";
  for (const DockerVersion version :
       {DockerVersion{20, 10, 2}, {20, 10, 24}, {23, 0, 0}, {24, 0, 9}, {26, 1, 5}}) {
    const Plan plan = plan_of(with(version));
    EXPECT_EQ(keys(plan.changes), four) << to_string(version);
    EXPECT_TRUE(mentions(plan.warnings, "experimental features")) << "never silently";
  }
  EXPECT_EQ(keys(plan_of(with({27, 0, 0})).changes), "ipv6=true fixed-cidr-v6=\"fd12:3456:789a::/64\"");
  EXPECT_EQ(keys(plan_of(with({27, 5, 1})).changes), "ipv6=true fixed-cidr-v6=\"fd12:3456:789a::/64\"");
  for (const DockerVersion version : {DockerVersion{28, 0, 0}, {29, 7, 2}, {41, 0, 0}}) {
    EXPECT_EQ(keys(plan_of(with(version)).changes), "ipv6=true") << to_string(version);
    EXPECT_TRUE(mentions(plan_of(with(version)).warnings, "docker network create --ipv6"));
  }
}

TEST(Plan, APrefixIsWrittenWhereItWasAskedFor) {
  const Plan plan = plan_of(with({28, 0, 0}), {.prefix = prefix("fd00:1::/80")});
  EXPECT_EQ(keys(plan.changes), "ipv6=true fixed-cidr-v6=\"fd00:1::/80\"");
  EXPECT_FALSE(plan.takes_suggestion);
  EXPECT_TRUE(plan_of(with({27, 0, 0})).takes_suggestion);
}

TEST(Plan, OldDockersAreRefused) {
  EXPECT_TRUE(refuses(plan_of(with({19, 3, 15})), "does not know 'ip6tables'"));
  EXPECT_TRUE(refuses(plan_of(with({20, 10, 0})), "crash"));
  EXPECT_TRUE(refuses(plan_of(with({20, 10, 1})), "crash"));
  Situation none = with({});
  none.version.reset();
  EXPECT_TRUE(refuses(plan_of(none), "not installed"));
}

TEST(Plan, WhatIsRightAlreadyIsLeftAlone) {
  const std::string four =
      R"({"ipv6":true,"fixed-cidr-v6":"fd00:9::/64","ip6tables":true,"experimental":true})";
  EXPECT_TRUE(plan_of(with({26, 1, 5}, four)).changes.empty());
  EXPECT_TRUE(plan_of(with({27, 0, 0}, R"({"ipv6":true,"fixed-cidr-v6":"fd00:9::/64"})")).changes.empty());
  EXPECT_TRUE(plan_of(with({28, 0, 0}, R"({"ipv6":true})")).changes.empty());
  EXPECT_EQ(keys(plan_of(with({20, 10, 24}, R"({"ipv6":true,"fixed-cidr-v6":"fd00:9::1/64"})")).changes),
            "ip6tables=true experimental=true")
      << "the prefix of the administrator stays, with its host bits";
}

TEST(Plan, ValuesSetOtherwiseAreConflictsUnlessForced) {
  const std::string text =
      R"({"ipv6":false,"fixed-cidr-v6":"fd00:9::/64","ip6tables":false,"experimental":false})";
  const Situation situation = with({24, 0, 0}, text);
  const Wishes wishes{.prefix = prefix("fd00:1::/64")};
  const Plan plan = plan_of(situation, wishes);
  EXPECT_FALSE(plan.is_possible());
  EXPECT_EQ(plan.conflicts.size(), 4u);
  EXPECT_EQ(plan.conflicts[0].before, "false");
  EXPECT_EQ(plan.conflicts[1].before, "\"fd00:9::/64\"");
  const Plan forced = plan_of(situation, {.prefix = prefix("fd00:1::/64"), .force = true});
  EXPECT_TRUE(forced.is_possible());
  EXPECT_EQ(keys(forced.changes), "ipv6=true fixed-cidr-v6=\"fd00:1::/64\" ip6tables=true experimental=true");
  EXPECT_EQ(plan_of(with({28, 0, 0}, R"({"ip6tables":false})")).conflicts.size(), 1u)
      << "IPv6 without a packet filter is never an accident";
}

TEST(Plan, FlagsOfDockerdAreInTheWay) {
  Situation situation = with({20, 10, 24});
  situation.flags = {"-H", "fd://", "--experimental"};
  EXPECT_TRUE(refuses(plan_of(situation), "--experimental"));
  situation.flags = {"--fixed-cidr-v6=fd00::/64"};
  EXPECT_TRUE(refuses(plan_of(situation), "--fixed-cidr-v6"));
  situation.flags = {"--config-file", "/srv/daemon.json"};
  EXPECT_TRUE(refuses(plan_of(situation), "/srv/daemon.json"));
  situation.flags = {"--config-file=/etc/docker/daemon.json", "-H", "fd://"};
  EXPECT_TRUE(plan_of(situation).is_possible());
  situation.flags = {"--iptables=false"};
  EXPECT_TRUE(refuses(plan_of(situation), "'iptables' is false"));
  EXPECT_TRUE(refuses(plan_of(with({24, 0, 0}, R"({"iptables":false})")), "'iptables' is false"));
}

TEST(Plan, PrefixesThatAreTakenAreRefused) {
  Situation situation = with({27, 0, 0});
  situation.taken = {prefix("fd12:3456::/32")};
  EXPECT_TRUE(refuses(plan_of(situation), "overlaps 'fd12:3456::/32'"));
  EXPECT_TRUE(plan_of(situation, {.prefix = prefix("fd13::/64")}).is_possible());
  const std::string pools =
      R"({"default-address-pools":[{"base":"10.0.0.0/8","size":24},{"base":"fd77::/48","size":64}]})";
  EXPECT_TRUE(refuses(plan_of(with({28, 0, 0}, pools), {.prefix = prefix("fd77:0:0:1::/64")}), "overlaps"));
}

TEST(Plan, APrefixInTheFileThatIsNoneIsSaid) {
  EXPECT_TRUE(refuses(plan_of(with({27, 0, 0}, R"({"fixed-cidr-v6":"10.0.0.0/8"})")), "not an IPv6 prefix"));
  EXPECT_TRUE(refuses(plan_of(with({27, 0, 0}, R"({"fixed-cidr-v6":7})")), "not an IPv6 prefix"));
}

TEST(Plan, WarnsOfRoutersAndMissingBridges) {
  Situation situation = with({28, 0, 0}, R"({"bridge":"none"})");
  situation.advertised_on = {"eth0"};
  const Plan plan = plan_of(situation);
  EXPECT_TRUE(mentions(plan.warnings, "net.ipv6.conf.eth0.accept_ra is 2"));
  EXPECT_TRUE(mentions(plan.warnings, "no default bridge"));
}

TEST(Plan, AKernelWithoutIpv6IsRefused) {
  Situation situation = with({28, 0, 0});
  situation.kernel_has_ipv6 = false;
  EXPECT_TRUE(refuses(plan_of(situation), "ipv6.disable=1"));
}

TEST(Plan, AFileThatCannotBeReadIsNotPlannedFor) {
  EXPECT_FALSE(plan_enable(with({28, 0, 0}, "{\"ipv6\": tru"), {}));
}

}  // namespace
}  // namespace syncnode::docker_ipv6
