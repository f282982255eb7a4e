// The installed bus policy in a dbus-daemon with the rules of a system bus: what it lets a stranger do.
#include "bus_world.h"

namespace syncnode::bus {
namespace {

constexpr const char* kDenied = "org.freedesktop.DBus.Error.AccessDenied";

class PolicyTest : public BusWorld {
 protected:
  PolicyTest() : BusWorld(test::PrivateBus::Policy::kInstalled) {}
};

TEST_F(PolicyTest, BothNodesAreReachedByOneRule) {
  const auto node_a = start('a');
  const auto node_b = start('b');
  EXPECT_TRUE(client('a')->deployments().has_value());
  test::as_stranger([&] {
    EXPECT_TRUE(client()->health().has_value());
    EXPECT_TRUE(client('a')->health().has_value());
    EXPECT_TRUE(client('b')->health().has_value()) << "it stands in the queue of the unqualified name";
    EXPECT_TRUE(client('b')->leadership().has_value());
    RawCaller caller(bus.address());
    // Let through by the bus, refused (or not) by the node itself.
    EXPECT_NE(caller.error_of(instance_name('b'), kLeaderInterface, "StepDown"), kDenied);
    EXPECT_EQ(caller.error_of(instance_name('b'), "org.freedesktop.DBus.Introspectable", "Introspect"), "");
  });
}

// Only a test that is root has a stranger the policy does not know; others check what they can.
TEST_F(PolicyTest, StrangersOwnNothingAndSetNothing) {
  const auto node_a = start('a');
  if (getuid() != 0) return;
  test::as_stranger([&] {
    RawCaller caller(bus.address());
    EXPECT_THROW(caller.connection().requestName(kSharedName), sdbus::Error);
    EXPECT_THROW(caller.connection().requestName(instance_name('b')), sdbus::Error);
    EXPECT_EQ(caller.error_of(instance_name('a'), "org.freedesktop.DBus.Properties", "Set",
                              std::string("org.freedesktop.LogControl1"), std::string("LogLevel"),
                              sdbus::Variant("debug")),
              kDenied);
    EXPECT_EQ(caller.error_of(instance_name('a'), "org.example.Other", "Do"), kDenied);
  });
}

TEST_F(PolicyTest, SignalsAboutClientsAreNotForStrangers) {
  const auto node_a = start('a');
  Listener trusted(bus.address());
  std::unique_ptr<Listener> stranger;
  test::as_stranger([&] { stranger = std::make_unique<Listener>(bus.address()); });
  node_a->job_started("job-1", "acme");
  node_a->leadership_changed(a.leadership());
  ASSERT_TRUE(trusted.heard.wait_for("LeadershipChanged"));
  ASSERT_TRUE(stranger->heard.wait_for("LeadershipChanged"));
  EXPECT_EQ(trusted.heard.count("JobStarted job-1 acme"), 1U);
  const size_t seen = getuid() == 0 ? 0 : 1;  // not root: the stranger is the user of the policy
  EXPECT_EQ(stranger->heard.count("JobStarted"), seen);
}

}  // namespace
}  // namespace syncnode::bus
