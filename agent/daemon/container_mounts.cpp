#include "daemon/container_mounts.h"

#include <utility>

#include "docker/mounts_file.h"

namespace syncnode::daemon {

Status ContainerMounts::check(const schedule::Client& client) {
  if (client.container.empty()) return {};
  const auto seen = docker::read_mounts_file(settings_.get()->container_mounts_file, BootClock::now());
  Status same = docker::check_mount(seen, client.name, client.container, client.sqlite_path);
  const std::lock_guard lock(mutex_);
  if (same) {
    moved_.erase(client.name);
  } else {
    moved_.insert(client.name);
  }
  say(seen.containers        ? Sight::kClear
      : seen.why_not.empty() ? Sight::kNoFile
                             : Sight::kDoubted,
      seen.why_not);
  return same;
}

void ContainerMounts::say(Sight now, const std::string& why) {
  if (std::exchange(said_, now) == now) return;
  constexpr std::string_view kBlind = "a container that is recreated with another volume will not be noticed";
  if (now == Sight::kNoFile) {
    log_.info(std::string(kBlind) +
              ": nobody writes down what the containers mount; hint: systemctl enable --now "
              "sync-node-inspect.timer");
  } else if (now == Sight::kDoubted) {
    log_.warning(std::string(kBlind) + ": " + why + "; hint: systemctl status sync-node-inspect.timer");
  }
}

bool ContainerMounts::moved(const std::string& client) const {
  const std::lock_guard lock(mutex_);
  return moved_.count(client) > 0;
}

}  // namespace syncnode::daemon
