#include "bus/service.h"

#include <fmt/format.h>

#include <atomic>
#include <map>
#include <mutex>

#include "bus/door.h"
#include "bus/error_names.h"
#include "bus/loop.h"
#include "bus/names.h"
#include "bus/peer_watch.h"
#include "bus/shared_name.h"
#include "bus/sleep_guard.h"

namespace syncnode::bus {
namespace {

using namespace std::chrono_literals;

constexpr auto kProgressInterval = 100ms;

// What refers to one connection; members die in reverse order, before the connection does.
struct Session {
  std::unique_ptr<Driver> driver;
  std::unique_ptr<Authority> authority;
  std::unique_ptr<Door> door;
  std::unique_ptr<sdbus::IObject> log_control;
  std::unique_ptr<SharedName> shared_name;
  std::unique_ptr<PeerWatch> peer;
  std::unique_ptr<SleepGuard> sleep;
};

}  // namespace

class Service::Parts final : public Attached {
 public:
  Parts(ServiceOptions options, control::Control& control, LogControl& log_control, Log& log)
      : options_(std::move(options)),
        control_(control),
        log_control_(log_control),
        log_(log),
        loop_(options_.address, *this, log) {}

  Loop& loop() { return loop_; }

  void lead(bool leading) {
    leading_ = leading;
    post([this] {
      if (session_.shared_name) session_.shared_name->lead(leading_);
    });
  }

  // `emit` runs on the bus thread, and not at all without a bus.
  void emit(std::function<void(Door&)> emit) {
    post([this, emit = std::move(emit)] {
      if (session_.door) emit(*session_.door);
    });
  }

  bool progress_due(const std::string& job_id) {
    const std::lock_guard lock(mutex_);
    auto& next = next_progress_[job_id];
    if (BootClock::now() < next) return false;
    next = deadline_in(kProgressInterval);
    return true;
  }
  void forget_progress(const std::string& job_id) {
    const std::lock_guard lock(mutex_);
    next_progress_.erase(job_id);
  }

 private:
  void post(Mailbox::Task task) { loop_.mailbox()->post(std::move(task)); }

  Status connected(sdbus::IConnection& connection) override {
    session_.driver = std::make_unique<Driver>(connection);
    session_.authority = std::make_unique<Authority>(connection, *session_.driver, options_.own_uid,
                                                     AuthorityTimes{options_.polkit_answer});
    session_.door =
        std::make_unique<Door>(connection, control_, *session_.authority, calls_, loop_.mailbox());
    session_.log_control = export_log_control(connection, *session_.driver, log_control_, options_.own_uid);
    SN_TRY(own_instance_name());
    session_.shared_name = std::make_unique<SharedName>(*session_.driver, log_);
    session_.shared_name->queue_now(leading_);
    if (options_.peer_changed) {
      const std::string peer = instance_name(options_.node == 'a' ? 'b' : 'a');
      session_.peer = std::make_unique<PeerWatch>(connection, *session_.driver, peer, options_.peer_changed);
    }
    if (options_.going_away) {
      session_.sleep = std::make_unique<SleepGuard>(connection, fmt::format("sync-node {}", options_.node),
                                                    options_.going_away, loop_.mailbox(), log_);
    }
    session_.door->leadership_changed(control_.leadership());  // who listened before the bus was lost
    return {};
  }

  Status own_instance_name() {
    const std::string name = instance_name(options_.node);
    if (session_.driver->request_name_now(name, kDoNotQueue) != NameReply::kExists) return {};
    const uint32_t pid = session_.driver->pid_now(name);
    return Error{ErrorCode::kFailedPrecondition,
                 fmt::format("another process{} already is node '{}' on this bus",
                             pid == 0 ? "" : fmt::format(" (pid {})", pid), options_.node),
                 fmt::format("stop it first; see: systemctl status sync-node@{}", options_.node)};
  }

  void disconnecting() noexcept override {
    calls_.forget_all();
    const Session ended = std::move(session_);
  }

  void stopping() noexcept override {
    try {
      calls_.fail_all(
          {ErrorCode::kUnavailable, "this node is stopping", "try again: another node takes over"});
    } catch (const sdbus::Error&) {  // the bus went first; so did everybody who waited
      return;
    }
  }

  const ServiceOptions options_;
  control::Control& control_;
  LogControl& log_control_;
  Log& log_;
  std::atomic<bool> leading_ = false;
  std::mutex mutex_;
  std::map<std::string, Deadline> next_progress_;
  Calls calls_;      // bus thread
  Session session_;  // bus thread
  Loop loop_;        // last: its thread ends before what it uses
};

Result<std::unique_ptr<Service>> Service::start(ServiceOptions options, control::Control& control,
                                                LogControl& log_control, Log& log) {
  if (options.node != 'a' && options.node != 'b') {
    return Error{ErrorCode::kInvalidArgument, fmt::format("a node is 'a' or 'b', not '{}'", options.node),
                 ""};
  }
  auto parts = std::make_unique<Parts>(std::move(options), control, log_control, log);
  SN_TRY(parts->loop().start());
  return std::unique_ptr<Service>(new Service(std::move(parts)));
}

Service::Service(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Service::~Service() {
  stop();
}

void Service::lead(bool leading) {
  parts_->lead(leading);
}

void Service::stop() {
  parts_->loop().stop();
}

uint64_t Service::turns() const {
  return parts_->loop().turns();
}

void Service::leadership_changed(const control::LeadershipView& now) {
  parts_->emit([now](Door& door) { door.leadership_changed(now); });
}

void Service::job_started(const std::string& job_id, const std::string& client_name) {
  parts_->emit([job = bus_text(job_id), client = bus_text(client_name)](Door& door) {
    door.emit_sync("JobStarted", job, client);
  });
}

void Service::job_progress(const std::string& job_id, const std::string& table, int64_t done,
                           std::optional<int64_t> total) {
  if (!parts_->progress_due(job_id)) return;
  parts_->emit([job = bus_text(job_id), table = bus_text(table), done, total = total.value_or(-1)](
                   Door& door) { door.emit_sync("JobProgress", job, table, done, total); });
}

void Service::job_finished(const std::string& job_id, const std::string& client_name,
                           const std::string& status) {
  parts_->forget_progress(job_id);
  parts_->emit([job = bus_text(job_id), client = bus_text(client_name), word = bus_text(status)](Door& door) {
    door.emit_sync("JobFinished", job, client, word);
  });
}

}  // namespace syncnode::bus
