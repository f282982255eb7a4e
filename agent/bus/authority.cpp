#include "bus/authority.h"

#include <fmt/format.h>
#include <systemd/sd-bus.h>

#include "bus/error_names.h"

namespace syncnode::bus {
namespace {

constexpr const char* kPolkit = "org.freedesktop.PolicyKit1";
constexpr const char* kPolkitPath = "/org/freedesktop/PolicyKit1/Authority";
constexpr const char* kPolkitInterface = "org.freedesktop.PolicyKit1.Authority";
constexpr uint32_t kAllowUserInteraction = 1;
constexpr int kMostAskingOfOneUser = 16;

// sdbus-c++ has no accessor for this flag of a message; its handle is what libsystemd takes.
struct Handle : sdbus::Message {
  static sd_bus_message* of(const sdbus::Message& message) {
    return static_cast<sd_bus_message*>(message.*(&Handle::msg_));
  }
};

control::Caller caller_of(uid_t uid, Right right) {
  return {.name = fmt::format("uid {} over D-Bus", uid),
          .may_read = right == Right::kReadSensitive,
          .may_change = right == Right::kManage || right == Right::kConfigure};
}

Error refused(uid_t uid, Right right, std::string_view why, std::string hint) {
  return {ErrorCode::kPermissionDenied, fmt::format("uid {} lacks '{}': {}", uid, polkit_action(right), why),
          std::move(hint)};
}

const char* const kAsRoot = "run it as root, or ask an administrator for a polkit rule";

}  // namespace

const char* polkit_action(Right right) {
  switch (right) {
    case Right::kOpen:
      return nullptr;
    case Right::kReadSensitive:
      return "org.openwebui.SyncNode1.read-sensitive";
    case Right::kManage:
      return "org.openwebui.SyncNode1.manage";
    case Right::kConfigure:
      return "org.openwebui.SyncNode1.configure";
  }
  return nullptr;
}

bool interaction_allowed(const sdbus::MethodCall& call) {
  return sd_bus_message_get_allow_interactive_authorization(Handle::of(call)) > 0;
}

void allow_interaction(sdbus::MethodCall& call) {
  sd_bus_message_set_allow_interactive_authorization(Handle::of(call), 1);
}

Authority::Authority(sdbus::IConnection& connection, Driver& driver, uid_t own_uid, AuthorityTimes times)
    : driver_(driver),
      own_uid_(own_uid),
      times_(times),
      polkit_(sdbus::createProxy(connection, kPolkit, kPolkitPath)) {}

void Authority::decide(const std::string& sender, Right right, bool interactive, Decided done) {
  driver_.uid(sender, [this, sender, right, interactive, done = std::move(done)](Result<uid_t> uid) mutable {
    if (!uid) {
      return done(Error{ErrorCode::kPermissionDenied, "the bus cannot tell who calls", "call again"});
    }
    if (*uid == 0 || *uid == own_uid_) {
      return done(control::Caller{
          .name = fmt::format("uid {} over D-Bus", *uid), .may_read = true, .may_change = true});
    }
    ask_polkit(sender, *uid, right, interactive, std::move(done));
  });
}

void Authority::ask_polkit(const std::string& sender, uid_t uid, Right right, bool interactive,
                           Decided done) {
  if (asking_[uid] >= kMostAskingOfOneUser) {
    return done(
        Error{ErrorCode::kResourceExhausted,
              fmt::format("polkit is already asked about {} calls of uid {}", kMostAskingOfOneUser, uid),
              "answer those first"});
  }
  const std::string cancellation = fmt::format("sync-node-{}", next_cancellation_++);
  auto call = polkit_->createMethodCall(kPolkitInterface, "CheckAuthorization");
  call << sdbus::Struct<std::string, std::map<std::string, sdbus::Variant>>{
      "system-bus-name", std::map<std::string, sdbus::Variant>{{"name", sdbus::Variant(sender)}}};
  call << std::string(polkit_action(right)) << std::map<std::string, std::string>{};
  call << (interactive ? kAllowUserInteraction : 0U) << cancellation;
  ++asking_[uid];
  const auto answered = [this, uid, right, interactive, cancellation, done = std::move(done)](
                            sdbus::MethodReply& reply, const sdbus::Error* error) {
    if (--asking_[uid] == 0) asking_.erase(uid);
    if (error != nullptr) {
      const Error why = error_from(error->getName(), error->getMessage());
      if (why.code == ErrorCode::kDeadlineExceeded) cancel(cancellation);  // takes its dialog away
      return done(refused(uid, right, "polkit gave no answer: " + error->getMessage(),
                          "run it as root, or look at: systemctl status polkit"));
    }
    sdbus::Struct<bool, bool, std::map<std::string, std::string>> decision;
    reply >> decision;
    if (decision.get<0>()) return done(caller_of(uid, right));
    const bool challenge = decision.get<1>() && !interactive;
    done(challenge ? refused(uid, right, "it takes a password, and the call does not allow asking for one",
                             "call with interactive authorization allowed, or run it as root")
                   : refused(uid, right, "polkit refused it", kAsRoot));
  };
  polkit_->callMethod(call, answered, interactive ? times_.with_user : times_.answer);
}

void Authority::cancel(const std::string& cancellation) {
  auto call = polkit_->createMethodCall(kPolkitInterface, "CancelCheckAuthorization");
  call << cancellation;
  call.dontExpectReply();
  polkit_->callMethod(call);
}

}  // namespace syncnode::bus
