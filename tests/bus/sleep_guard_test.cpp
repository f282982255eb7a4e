// Before the host sleeps or stops, the node gets its moment; afterwards logind is asked again.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>

#include "bus_world.h"

namespace syncnode::bus {
namespace {

constexpr const char* kManager = "org.freedesktop.login1.Manager";

class FakeLogind {
 public:
  explicit FakeLogind(const std::string& address) : connection_(open_bus(address)) {
    object_ = sdbus::createObject(*connection_, "/org/freedesktop/login1");
    object_->registerMethod(kManager, "Inhibit", "ssss", "h", [this](sdbus::MethodCall call) {
      std::string what, who, why, mode;
      call >> what >> who >> why >> mode;
      std::array<int, 2> pipe{};
      EXPECT_EQ(pipe2(pipe.data(), O_CLOEXEC), 0);
      ours_.reset(pipe[0]);
      auto reply = call.createReply();
      reply << sdbus::UnixFd(pipe[1], sdbus::adopt_fd_t{});
      reply.send();
      asked.add(what + " " + who + " " + mode);
    });
    object_->registerSignal(kManager, "PrepareForSleep", "b");
    object_->registerSignal(kManager, "PrepareForShutdown", "b");
    object_->finishRegistration();
    connection_->requestName("org.freedesktop.login1");
    connection_->enterEventLoopAsync();
  }
  ~FakeLogind() { connection_->leaveEventLoop(); }  // its thread uses what is destroyed next
  void say(const char* signal, bool begins) {
    auto message = object_->createSignal(kManager, signal);
    message << begins;
    object_->emitSignal(message);
  }
  // The last descriptor of the inhibitor is closed; also when nobody took it.
  bool released(int milliseconds) const {
    pollfd fd{ours_.get(), POLLIN, 0};
    return poll(&fd, 1, milliseconds) == 1 && (fd.revents & POLLHUP) != 0;
  }

  Happenings asked;

 private:
  std::unique_ptr<sdbus::IConnection> connection_;
  std::unique_ptr<sdbus::IObject> object_;
  UniqueFd ours_;
};

class SleepGuardTest : public BusWorld {
 protected:
  ServiceOptions options() {
    ServiceOptions options;
    options.going_away = [this](std::function<void()> when_done) {
      {
        const std::lock_guard lock(mutex);
        done.push_back(std::move(when_done));
      }
      told.add("going away");
    };
    return options;
  }
  void finish(size_t occasion) {
    std::function<void()> when_done;
    {
      const std::lock_guard lock(mutex);
      when_done = done.at(occasion);
    }
    when_done();
  }
  Happenings told;
  std::mutex mutex;
  std::vector<std::function<void()>> done;
};

constexpr const char* kAsked = "sleep:shutdown sync-node a delay";

TEST_F(SleepGuardTest, HoldsUntilTheLeaseIsHandedOver) {
  FakeLogind logind(bus.address());
  const auto service = start('a', options());
  ASSERT_TRUE(logind.asked.wait_for(kAsked));
  ASSERT_TRUE(client()->health().has_value());  // the descriptor has arrived: the bus keeps order
  EXPECT_FALSE(logind.released(0));
  logind.say("PrepareForSleep", true);
  logind.say("PrepareForSleep", true);  // some say it twice
  logind.say("PrepareForShutdown", true);
  ASSERT_TRUE(told.wait_for("going away"));
  EXPECT_FALSE(logind.released(50));
  finish(0);
  finish(0);
  EXPECT_TRUE(logind.released(10'000));
  EXPECT_EQ(told.count("going away"), 1U);

  logind.say("PrepareForSleep", false);
  ASSERT_TRUE(logind.asked.wait_for(kAsked, 2)) << "awake again: asked again";
  ASSERT_TRUE(client()->health().has_value());
  finish(0);  // late, of an occasion that is over
  ASSERT_TRUE(client()->health().has_value());
  EXPECT_FALSE(logind.released(50));
  logind.say("PrepareForShutdown", true);
  ASSERT_TRUE(told.wait_for("going away", 2));
  finish(1);
  EXPECT_TRUE(logind.released(10'000));
}

TEST_F(SleepGuardTest, LogindMayComeLaterOrNever) {
  auto service = start('a', options());
  EXPECT_TRUE(client()->health().has_value());
  FakeLogind logind(bus.address());
  ASSERT_TRUE(logind.asked.wait_for(kAsked));
  service.reset();
  EXPECT_TRUE(logind.released(10'000)) << "a node that ended holds nothing up";
}

}  // namespace
}  // namespace syncnode::bus
