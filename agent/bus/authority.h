// Authority: may this caller do that? Root and the node's own uid may; everybody else as polkit says. Without
// polkit, or when it does not answer in time, nobody else may. Asks by the caller's unique bus name, which
// cannot be reused as a pid can, and lets polkit ask the user only when the caller's message allows it.
// Refuses to cache: a right taken away is gone. Bus thread only; lives as long as the connection.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "bus/driver.h"
#include "control/control.h"

namespace syncnode::bus {

enum class Right { kOpen, kReadSensitive, kManage, kConfigure };
const char* polkit_action(Right right);  // null for kOpen

// What of the deadlines a test shortens.
struct AuthorityTimes {
  std::chrono::milliseconds answer{5'000};
  std::chrono::milliseconds with_user{120'000};  // somebody types a password
};

// Whether the caller allowed polkit to ask the user (ALLOW_INTERACTIVE_AUTHORIZATION), and allowing it.
bool interaction_allowed(const sdbus::MethodCall& call);
void allow_interaction(sdbus::MethodCall& call);

class Authority {
 public:
  using Decided = std::function<void(Result<control::Caller>)>;

  Authority(sdbus::IConnection& connection, Driver& driver, uid_t own_uid, AuthorityTimes times);

  void decide(const std::string& sender, Right right, bool interactive, Decided done);

 private:
  void ask_polkit(const std::string& sender, uid_t uid, Right right, bool interactive, Decided done);
  void cancel(const std::string& cancellation);

  Driver& driver_;
  const uid_t own_uid_;
  const AuthorityTimes times_;
  std::unique_ptr<sdbus::IProxy> polkit_;
  std::map<uid_t, int> asking_;  // so that one user cannot fill the table of waiting calls
  uint64_t next_cancellation_ = 1;
};

}  // namespace syncnode::bus
