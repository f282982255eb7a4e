// Driver: questions to the bus itself (org.freedesktop.DBus). The `_now` ones wait for the answer and are for
// the moment of connecting; the others answer later. On the bus thread; lives as long as the connection.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace syncnode::bus {

enum NameFlag : uint32_t { kAllowReplacement = 1, kReplaceExisting = 2, kDoNotQueue = 4 };
enum class NameReply : uint32_t { kOwner = 1, kQueued = 2, kExists = 3, kAlreadyOwner = 4 };

class Driver {
 public:
  using Answered = std::function<void(Status)>;

  explicit Driver(sdbus::IConnection& connection);

  NameReply request_name_now(const std::string& name, uint32_t flags);  // throws sdbus::Error
  uint32_t pid_now(const std::string& name);                            // 0 when the bus cannot tell

  // The uid the caller had when it connected, of which the bus is sure. (getCredsUid() of sdbus-c++ is the
  // real uid that /proc shows of the caller's pid by now: another process, when the caller arranges for
  // that.)
  uid_t uid_now(const std::string& name);  // throws sdbus::Error

  void request_name(const std::string& name, uint32_t flags, Answered done);
  void release_name(const std::string& name, Answered done);
  void uid(const std::string& name, std::function<void(Result<uid_t>)> done);
  void owned(const std::string& name, std::function<void(bool)> done);

 private:
  sdbus::MethodCall call(const char* method, const std::string& name);
  std::unique_ptr<sdbus::IProxy> proxy_;
};

}  // namespace syncnode::bus
