#include "postgres/resolve.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

namespace syncnode::postgres {
namespace {

using Addresses = std::vector<std::string>;

struct Pending {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Result<Addresses>> answer;
};

// Never destroyed: a look-up left behind may end after main() did.
struct Registry {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<Pending>> pending;
};

Registry& registry() {
  static auto* instance = new Registry;
  return *instance;
}

bool is_numeric(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

Result<Addresses> system_look_up(const std::string& host) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), nullptr, &wanted, &found);
  if (failed != 0) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("cannot resolve '{}': {}", host, ::gai_strerror(failed)),
                 "check the host name in the database URL and this host's DNS"};
  }
  Addresses addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(entry->ai_addr, entry->ai_addrlen, text.data(), text.size(), nullptr, 0,
                      NI_NUMERICHOST) == 0 &&
        std::find(addresses.begin(), addresses.end(), text.data()) == addresses.end()) {
      addresses.emplace_back(text.data());
    }
  }
  ::freeaddrinfo(found);
  return addresses;
}

void answer(const std::string& host, const std::shared_ptr<Pending>& pending, const LookUp& look_up) {
  Result<Addresses> found = look_up(host);
  {
    const std::lock_guard lock(registry().mutex);
    registry().pending.erase(host);
  }
  const std::lock_guard lock(pending->mutex);
  pending->answer.emplace(std::move(found));
  pending->changed.notify_all();
}

Result<std::shared_ptr<Pending>> join_or_start(const std::string& host, const LookUp& look_up) {
  const std::lock_guard lock(registry().mutex);
  std::shared_ptr<Pending>& entry = registry().pending[host];
  if (entry != nullptr) return entry;
  entry = std::make_shared<Pending>();
  try {
    std::thread(answer, host, entry, look_up).detach();
  } catch (const std::system_error& error) {
    registry().pending.erase(host);
    return Error{ErrorCode::kResourceExhausted,
                 fmt::format("cannot start a thread to resolve '{}': {}", host, error.what()), ""};
  }
  return entry;
}

}  // namespace

Result<Addresses> resolve(const std::string& host, Deadline deadline) {
  return resolve(host, deadline, system_look_up);
}

Result<Addresses> resolve(const std::string& host, Deadline deadline, const LookUp& look_up) {
  if (is_numeric(host)) return Addresses{host};
  SN_ASSIGN(const std::shared_ptr<Pending> pending, join_or_start(host, look_up));
  std::unique_lock lock(pending->mutex);
  // Waited for on the steady clock: a suspend can make this late, never early; the caller's deadline is
  // looked at next.
  const auto left =
      std::chrono::steady_clock::now() + std::max(deadline - BootClock::now(), BootClock::duration::zero());
  if (!pending->changed.wait_until(lock, left, [&] { return pending->answer.has_value(); })) {
    return Error{ErrorCode::kDeadlineExceeded, fmt::format("resolving '{}' took too long", host),
                 "check this host's DNS, or give 'hostaddr' in the database URL"};
  }
  return *pending->answer;
}

}  // namespace syncnode::postgres
