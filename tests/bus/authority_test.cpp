// Who may: root and the node's own uid pass; everybody else as polkit says; without its word nobody.
#include "bus/authority.h"

#include <fstream>
#include <sstream>

#include "bus_world.h"

namespace syncnode::bus {
namespace {

using namespace std::chrono_literals;

// Answers as it is told, or not at all.
class FakePolkit {
 public:
  enum class Answer { kYes, kNo, kChallenge, kSilent };

  explicit FakePolkit(const std::string& address) : connection_(open_bus(address)) {
    constexpr const char* kInterface = "org.freedesktop.PolicyKit1.Authority";
    object_ = sdbus::createObject(*connection_, "/org/freedesktop/PolicyKit1/Authority");
    object_->registerMethod(kInterface, "CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})",
                            [this](sdbus::MethodCall call) { check(std::move(call)); });
    object_->registerMethod(kInterface, "CancelCheckAuthorization", "s", "", [this](sdbus::MethodCall call) {
      std::string id;
      call >> id;
      asked.add("cancel " + id);
      call.createReply().send();
    });
    object_->finishRegistration();
    connection_->requestName("org.freedesktop.PolicyKit1");
    connection_->enterEventLoopAsync();
  }
  ~FakePolkit() { connection_->leaveEventLoop(); }  // its thread uses what is destroyed next

  std::atomic<Answer> answer = Answer::kNo;
  Happenings asked;  // "system-bus-name :1.7 org.openwebui.SyncNode1.manage 0"

 private:
  void check(sdbus::MethodCall call) {
    sdbus::Struct<std::string, std::map<std::string, sdbus::Variant>> subject;
    std::string action, cancellation;
    std::map<std::string, std::string> details;
    uint32_t flags = 0;
    call >> subject >> action >> details >> flags >> cancellation;
    asked.add(subject.get<0>() + " " + subject.get<1>().at("name").get<std::string>() + " " + action + " " +
              std::to_string(flags));
    if (answer == Answer::kSilent) return silent_.push_back(std::move(call));
    auto reply = call.createReply();
    reply << sdbus::Struct<bool, bool, std::map<std::string, std::string>>{
        answer == Answer::kYes, answer == Answer::kChallenge, std::map<std::string, std::string>{}};
    reply.send();
  }

  std::unique_ptr<sdbus::IConnection> connection_;
  std::unique_ptr<sdbus::IObject> object_;
  std::vector<sdbus::MethodCall> silent_;
};

class AuthorityTest : public BusWorld {
 protected:
  void SetUp() override {
    ServiceOptions options;
    options.own_uid = test::stranger_own_uid();
    options.polkit_answer = 300ms;
    service = start('a', options);
  }
  // What a stranger gets for a change, a configuration and a read; "" is success.
  std::vector<std::string> stranger_gets() {
    std::vector<std::string> names;
    test::as_stranger([&] {
      RawCaller caller(bus.address());
      const std::string text = "x";
      const std::map<std::string, sdbus::Variant> none;
      names = {caller.error_of(kSharedName, kSyncInterface, "Pause", text),
               caller.error_of(kSharedName, kStateInterface, "Set", text, text),
               caller.error_of(kSharedName, kConflictsInterface, "List", none)};
      message = caller.message;
    });
    return names;
  }
  std::unique_ptr<Service> service;
  std::string message;
  const std::vector<std::string> refused =
      std::vector<std::string>(3, error_name(ErrorCode::kPermissionDenied));
};

TEST_F(AuthorityTest, WithoutPolkitNobodyElseMay) {
  EXPECT_EQ(stranger_gets(), refused);
  EXPECT_NE(message.find("polkit gave no answer"), std::string::npos) << message;
  EXPECT_EQ(a.times_asked(), 0U);
}

TEST_F(AuthorityTest, AStrangerIsRefusedEveryChangeAndEveryLookAtClients) {
  FakePolkit polkit(bus.address());
  test::as_stranger([&] {
    RawCaller caller(bus.address());
    const std::string text = "x", no = error_name(ErrorCode::kPermissionDenied);
    const std::map<std::string, sdbus::Variant> none;
    const auto name = [&](const char* interface, const char* method, const auto&... arguments) {
      return caller.error_of(instance_name('a'), interface, method, arguments...);
    };
    EXPECT_EQ(name(kLeaderInterface, "StepDown"), no);
    EXPECT_EQ(name(kSyncInterface, "Trigger", text, none), no);
    EXPECT_EQ(name(kSyncInterface, "Cancel", text), no);
    EXPECT_EQ(name(kSyncInterface, "Pause", text), no);
    EXPECT_EQ(name(kSyncInterface, "Resume", text), no);
    EXPECT_EQ(name(kSyncInterface, "ListDeployments"), no);
    EXPECT_EQ(name(kSyncInterface, "ListJobs", text, uint32_t{1}), no);
    EXPECT_EQ(name(kSyncInterface, "GetJob", text), no);
    EXPECT_EQ(name(kStateInterface, "Get", text), no);
    EXPECT_EQ(name(kStateInterface, "Set", text, text), no);
    EXPECT_EQ(name(kConflictsInterface, "List", none), no);
    EXPECT_EQ(name(kConflictsInterface, "Resolve", text, text, none), no);
    EXPECT_EQ(a.times_asked(), 0U);
    EXPECT_EQ(name(kNodeInterface, "GetHealth"), "");  // open
    EXPECT_EQ(name(kNodeInterface, "GetCluster"), "");
    EXPECT_TRUE(client()->leadership().has_value());

    auto proxy = sdbus::createProxy(caller.connection(), instance_name('a'), "/org/freedesktop/LogControl1");
    try {
      proxy->setProperty("LogLevel").onInterface("org.freedesktop.LogControl1").toValue(std::string("debug"));
      ADD_FAILURE() << "a stranger set the log level";
    } catch (const sdbus::Error& error) {
      EXPECT_EQ(error.getName(), no);
    }
  });
  EXPECT_EQ(log_control.level(), LogLevel::kInfo);
}

TEST_F(AuthorityTest, PolkitIsAskedByBusNameForTheRightAction) {
  FakePolkit polkit(bus.address());
  polkit.answer = FakePolkit::Answer::kYes;
  EXPECT_EQ(stranger_gets(), std::vector<std::string>(3));
  EXPECT_EQ(polkit.asked.count("system-bus-name :1."), 3U);
  EXPECT_EQ(polkit.asked.count("org.openwebui.SyncNode1.manage 0"), 1U);
  EXPECT_EQ(polkit.asked.count("org.openwebui.SyncNode1.configure 0"), 1U);
  EXPECT_EQ(polkit.asked.count("org.openwebui.SyncNode1.read-sensitive 0"), 1U);
  const auto caller = a.last_caller();
  EXPECT_EQ(caller.name, "uid " + std::to_string(test::stranger_uid()) + " over D-Bus");
  EXPECT_TRUE(caller.may_read);
  EXPECT_FALSE(caller.may_change) << "the last call was a read";
}

TEST_F(AuthorityTest, AChallengeNeedsTheCallersLeave) {
  FakePolkit polkit(bus.address());
  polkit.answer = FakePolkit::Answer::kChallenge;
  EXPECT_EQ(stranger_gets(), refused);
  EXPECT_NE(message.find("takes a password"), std::string::npos) << message;
  test::as_stranger([&] {
    ClientOptions options;
    options.address = bus.address();  // may_ask_user
    const auto asking = Client::connect(options);
    const Status status = (*asking)->set_enabled("acme", false);
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().code, ErrorCode::kPermissionDenied);
  });
  EXPECT_EQ(polkit.asked.count("org.openwebui.SyncNode1.manage 1"), 1U);
}

TEST_F(AuthorityTest, ASilentPolkitRefusesAndItsQuestionIsTakenBack) {
  FakePolkit polkit(bus.address());
  polkit.answer = FakePolkit::Answer::kSilent;
  EXPECT_EQ(stranger_gets(), refused);
  EXPECT_TRUE(polkit.asked.wait_for("cancel sync-node-", 3));
  EXPECT_EQ(a.times_asked(), 0U);
}

TEST_F(AuthorityTest, OneUserCannotFillTheTable) {
  service.reset();
  ServiceOptions options;
  options.own_uid = test::stranger_own_uid();
  options.polkit_answer = 60s;
  service = start('a', options);
  FakePolkit polkit(bus.address());
  polkit.answer = FakePolkit::Answer::kSilent;
  test::as_stranger([&] {
    RawCaller caller(bus.address());
    auto proxy = sdbus::createProxy(caller.connection(), kSharedName, kObjectPath);
    for (int count = 0; count < 16; ++count) {
      proxy->callMethod(proxy->createMethodCall(kLeaderInterface, "StepDown"),
                        [](sdbus::MethodReply&, const sdbus::Error*) {});
    }
    ASSERT_TRUE(polkit.asked.wait_for("manage", 16));
    EXPECT_EQ(RawCaller(bus.address()).error_of(kSharedName, kLeaderInterface, "StepDown"),
              error_name(ErrorCode::kResourceExhausted));
  });
}

TEST(Authority, EveryRightButOpenHasAnActionInThePolicy) {
  EXPECT_EQ(polkit_action(Right::kOpen), nullptr);
  std::ifstream file(SYNC_NODE_SOURCE "/units/polkit/org.openwebui.SyncNode1.policy");
  std::stringstream text;
  text << file.rdbuf();
  const std::string policy = text.str();
  size_t owners = 0;
  for (size_t at = 0; (at = policy.find("policykit.owner\">unix-user:sync-node<", at)) != std::string::npos;
       ++at)
    ++owners;
  EXPECT_EQ(owners, 3U);
  for (const Right right : {Right::kReadSensitive, Right::kManage, Right::kConfigure}) {
    EXPECT_NE(policy.find("<action id=\"" + std::string(polkit_action(right)) + "\">"), std::string::npos);
  }
}

}  // namespace
}  // namespace syncnode::bus
