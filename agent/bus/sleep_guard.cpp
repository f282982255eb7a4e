#include "bus/sleep_guard.h"

#include "bus/error_names.h"

namespace syncnode::bus {
namespace {

constexpr const char* kLogind = "org.freedesktop.login1";
constexpr const char* kPath = "/org/freedesktop/login1";
constexpr const char* kInterface = "org.freedesktop.login1.Manager";

}  // namespace

struct SleepGuard::State : std::enable_shared_from_this<State> {
  State(sdbus::IConnection& connection, std::string who_asks, GoingAway hook, std::shared_ptr<Mailbox> box,
        Log& where)
      : logind(sdbus::createProxy(connection, kLogind, kPath)),
        who(std::move(who_asks)),
        going_away(std::move(hook)),
        mailbox(std::move(box)),
        log(where) {}

  void inhibit() {
    auto call = logind->createMethodCall(kInterface, "Inhibit");
    call << std::string("sleep:shutdown") << who << std::string("hands its lease to another node first")
         << std::string("delay");
    logind->callMethod(call, [this](sdbus::MethodReply& reply, const sdbus::Error* error) {
      if (error != nullptr) return log.debug("no delay before sleep and shutdown: " + error->getMessage());
      sdbus::UnixFd fd;
      reply >> fd;
      if (!going) inhibitor = std::move(fd);
    });
  }

  // Both signals carry whether it begins (true) or is over (false); either may be sent twice.
  void prepare(sdbus::Message& signal) {
    bool begins = false;
    signal >> begins;
    if (begins == going) return;
    going = begins;
    ++occasion;
    if (!begins) return inhibit();
    going_away([self = weak_from_this(), box = mailbox, which = occasion] {
      box->post([self, which] {
        const auto state = self.lock();
        if (state && state->occasion == which)
          state->inhibitor.reset();  // its last descriptor: logind goes on
      });
    });
  }

  std::unique_ptr<sdbus::IProxy> logind;
  const std::string who;
  const GoingAway going_away;
  const std::shared_ptr<Mailbox> mailbox;
  Log& log;
  sdbus::UnixFd inhibitor;
  bool going = false;
  uint64_t occasion = 0;
};

SleepGuard::SleepGuard(sdbus::IConnection& connection, std::string who, GoingAway going_away,
                       std::shared_ptr<Mailbox> mailbox, Log& log)
    : state_(std::make_shared<State>(connection, std::move(who), std::move(going_away), std::move(mailbox),
                                     log)) {
  State* state = state_.get();
  const std::string from_logind = std::string("type='signal',sender='") + kLogind + "',path='" + kPath +
                                  "',interface='" + kInterface + "',member='";
  const auto prepare = [state](sdbus::Message& signal) { state->prepare(signal); };
  matches_.push_back(connection.addMatch(from_logind + "PrepareForSleep'", prepare));
  matches_.push_back(connection.addMatch(from_logind + "PrepareForShutdown'", prepare));
  // logind may start after us, or again.
  matches_.push_back(connection.addMatch(
      std::string("type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
                  "member='NameOwnerChanged',arg0='") +
          kLogind + "'",
      [state](sdbus::Message& signal) {
        std::string name, before, now;
        signal >> name >> before >> now;
        if (now.empty()) return;
        state->going = false;
        ++state->occasion;
        state->inhibit();
      }));
  state->inhibit();
}

SleepGuard::~SleepGuard() = default;

}  // namespace syncnode::bus
