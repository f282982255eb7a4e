// Who owns which name: the leader is reached by the unqualified one, a frozen owner is replaced, a second
// instance is refused, and a bus that dies takes nothing with it.
#include <csignal>

#include "bus_world.h"

namespace syncnode::bus {
namespace {

using NamesTest = BusWorld;

// A caller's view of who answers by the unqualified name.
std::string who_answers(BusWorld& world) {
  const auto leadership = world.client()->leadership();
  return leadership ? leadership->node_id : leadership.error().to_string();
}

class TwoNodes : public BusWorld {
 protected:
  void SetUp() override {
    b.set_leadership(test::BusFakeControl::follower("openwebui-sync-node-b", "openwebui-sync-node-a", 42));
    b.set_error(Error{ErrorCode::kFenced, "node a leads", "ask it"});
    node_a = start('a');
    node_b = start('b');
    names = std::make_unique<RawCaller>(bus.address());
  }
  std::string owner_name(char node) { return names->owner(instance_name(node)); }

  std::unique_ptr<Service> node_a, node_b;
  std::unique_ptr<RawCaller> names;
};

TEST_F(TwoNodes, TheUnqualifiedNameIsTheLeaders) {
  Listener listener(bus.address());
  node_b->lead(true);  // b stands behind a in the queue, and takes it over its head
  ASSERT_TRUE(listener.heard.wait_for(std::string(kSharedName) + " [" + owner_name('b') + "]"));
  EXPECT_EQ(who_answers(*this), "openwebui-sync-node-b");
  EXPECT_EQ(names->error_of(kSharedName, kLeaderInterface, "StepDown"), error_name(ErrorCode::kFenced));
  EXPECT_EQ(names->error_of(instance_name('a'), kLeaderInterface, "StepDown"), "");

  node_b->lead(false);  // deposed: to the end of the queue
  node_a->lead(true);
  ASSERT_TRUE(listener.heard.wait_for(std::string(kSharedName) + " [" + owner_name('a') + "]"));
  EXPECT_EQ(who_answers(*this), "openwebui-sync-node-a");
  ASSERT_TRUE(client()->trigger({.client_name = "acme"}).has_value());
  EXPECT_EQ(a.last_asked(), "trigger acme");
  EXPECT_EQ(names->error_of(instance_name('b'), kSyncInterface, "Pause", std::string("acme")),
            error_name(ErrorCode::kFenced));
}

TEST_F(TwoNodes, ADeposedLeaderWaitsBehindTheOther) {
  Listener listener(bus.address());
  node_a->lead(true);
  node_a->lead(false);
  ASSERT_TRUE(listener.heard.wait_for(std::string(kSharedName) + " [" + owner_name('b') + "]"));
  node_b->stop();  // a is still in the queue
  ASSERT_TRUE(listener.heard.wait_for(std::string(kSharedName) + " [" + owner_name('a') + "]"));
}

TEST_F(NamesTest, AFrozenLeaderIsReplaced) {
  const auto node_b = start('b');
  Listener listener(bus.address());
  test::Child frozen({SYNC_NODE_BUS_NODE, bus.address(), "a"});
  ASSERT_EQ(frozen.line(), "leads");
  RawCaller names(bus.address());
  ASSERT_TRUE(
      listener.heard.wait_for(std::string(kSharedName) + " [" + names.owner(instance_name('a')) + "]"));
  frozen.signal(SIGSTOP);
  node_b->lead(true);
  ASSERT_TRUE(
      listener.heard.wait_for(std::string(kSharedName) + " [" + names.owner(instance_name('b')) + "]"));
  b.set_leadership(test::BusFakeControl::follower("openwebui-sync-node-b", "", 42));
  EXPECT_EQ(who_answers(*this), "openwebui-sync-node-b");
  EXPECT_NE(names.owner(instance_name('a')), "")
      << "a frozen process keeps its own name: silence is no death";
  EXPECT_EQ(client('a', 1)->health().error().code, ErrorCode::kDeadlineExceeded);
  frozen.kill_and_wait();
}

TEST_F(NamesTest, ASecondProcessOfOneInstanceIsRefused) {
  const auto first = start('a');
  ServiceOptions options;
  options.address = bus.address();
  const auto second = Service::start(options, b, log_control, log);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(second.error().message,
            "another process (pid " + std::to_string(getpid()) + ") already is node 'a' on this bus");
  EXPECT_EQ(who_answers(*this), "openwebui-sync-node-a");
}

TEST_F(NamesTest, NoBusIsSaidPlainly) {
  ServiceOptions options;
  options.address = "unix:path=/nonexistent/bus";
  const auto service = Service::start(options, a, log_control, log);
  ASSERT_FALSE(service.has_value());
  EXPECT_EQ(service.error().code, ErrorCode::kUnavailable) << service.error().to_string();
  ClientOptions no_bus;
  no_bus.address = options.address;
  const auto client = Client::connect(no_bus);
  ASSERT_FALSE(client.has_value());
  EXPECT_EQ(client.error().code, ErrorCode::kUnavailable) << client.error().to_string();
}

TEST_F(NamesTest, ANodeThatDoesNotRunIsSaidPlainly) {
  const auto health = client()->health();
  ASSERT_FALSE(health.has_value());
  EXPECT_EQ(health.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(health.error().hint, "start it with: systemctl start sync-node@a sync-node@b");
}

TEST_F(NamesTest, ALostBusIsFoundAgain) {
  Happenings peer;
  ServiceOptions options;
  options.peer_changed = [&] { peer.add("changed"); };
  const auto service = start('a', options);
  service->lead(true);
  ASSERT_TRUE(peer.wait_for("changed"));
  peer.clear();
  a.hold(true);
  std::thread caller([&] {
    const auto lost = client()->trigger({.client_name = "acme"});
    EXPECT_EQ(lost.error().code, ErrorCode::kUnavailable) << lost.error().to_string();
  });
  ASSERT_TRUE(a.wait_for_asked("trigger acme"));
  bus.kill();
  caller.join();
  ASSERT_TRUE(logged.wait_for("the bus was lost"));
  ASSERT_TRUE(logged.wait_for("no bus yet"));
  EXPECT_EQ(peer.count("changed"), 0U) << "a dead bus says nothing about the peer";
  service->job_started("while", "there is no bus");
  a.hold(false);  // the answer to a caller of the old bus

  bus.start();
  ASSERT_TRUE(logged.wait_for("connected to the bus again"));
  ASSERT_TRUE(peer.wait_for("changed")) << "asked again after the bus was lost";
  EXPECT_EQ(who_answers(*this), "openwebui-sync-node-a");
  EXPECT_TRUE(client()->trigger({.client_name = "acme"}).has_value());

  // It leads still, so it takes the name over the head of one that came first.
  Listener listener(bus.address());
  service->leadership_changed(a.leadership());
  EXPECT_TRUE(listener.heard.wait_for("LeadershipChanged yes openwebui-sync-node-a 42"));
}

TEST_F(NamesTest, AStrangerWithThePeersNameIsOnlyAHint) {
  Happenings peer;
  ServiceOptions options;
  options.peer_changed = [&] { peer.add("changed"); };
  const auto service = start('a', options);
  service->lead(true);
  ASSERT_TRUE(peer.wait_for("changed", 1));  // the question at the start
  {
    RawCaller foreign(bus.address());
    foreign.connection().requestName(instance_name('b'));
    ASSERT_TRUE(peer.wait_for("changed", 2));
    EXPECT_EQ(who_answers(*this), "openwebui-sync-node-a");
    EXPECT_TRUE(client()->trigger({.client_name = "acme"}).has_value());
  }
  ASSERT_TRUE(peer.wait_for("changed", 3));
  EXPECT_EQ(who_answers(*this), "openwebui-sync-node-a");
}

// The end is called for while the thread serves a message: its wake-up goes out of the mailbox with the
// tasks.
TEST_F(NamesTest, TheEndIsPromptAlsoInTheMiddleOfATurn) {
  auto service = start('a');
  std::promise<void> serving, never;
  std::atomic<bool> first = true;
  a.on_leadership = [&] {
    if (!first.exchange(false)) return;
    serving.set_value();
    never.get_future().wait_for(std::chrono::milliseconds(200));
  };
  std::thread caller([&] { static_cast<void>(client()->leadership()); });
  serving.get_future().get();
  const auto before = BootClock::now();
  service->stop();
  EXPECT_LT(BootClock::now() - before, std::chrono::seconds(3));
  caller.join();
}

TEST_F(NamesTest, TheThreadIsSeenToTurn) {
  const auto service = start('a');
  const uint64_t before = service->turns();
  ASSERT_TRUE(client()->health().has_value());
  EXPECT_GT(service->turns(), before);
}

}  // namespace
}  // namespace syncnode::bus
