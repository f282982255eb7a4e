// PrivateBus: a dbus-daemon of a test's own, reached by every uid, never by a name outside the test. Open
// lets everybody do everything; Installed has the rules of a system bus and our installed policy. Throws
// std::runtime_error (tests only).
#pragma once

#include <memory>
#include <string>

#include "support/child.h"

namespace syncnode::test {

class PrivateBus {
 public:
  enum class Policy { kOpen, kInstalled };

  explicit PrivateBus(Policy policy = Policy::kOpen);
  ~PrivateBus();
  PrivateBus(const PrivateBus&) = delete;
  PrivateBus& operator=(const PrivateBus&) = delete;

  const std::string& address() const { return address_; }
  void kill();   // SIGKILL; everybody is disconnected
  void start();  // again, at the same address

 private:
  std::string directory_, address_;
  std::unique_ptr<Child> daemon_;
};

// Runs `work` in a thread of another uid, which the kernel then reports of the sockets it opens. When the
// test itself is not root it cannot be anybody else: then give services another own_uid (see
// stranger_own_uid()).
template <typename Work>
void as_stranger(Work work);
uid_t stranger_own_uid();  // own_uid under which the caller of as_stranger() is a stranger
uid_t stranger_uid();      // what the service sees of it

void become_stranger();  // this thread only; nothing when not root

}  // namespace syncnode::test

#include <thread>

template <typename Work>
void syncnode::test::as_stranger(Work work) {
  std::thread([&] {
    become_stranger();
    work();
  }).join();
}
