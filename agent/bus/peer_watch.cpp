#include "bus/peer_watch.h"

namespace syncnode::bus {

PeerWatch::PeerWatch(sdbus::IConnection& connection, Driver& driver, const std::string& peer_name,
                     std::function<void()> changed)
    : match_(connection.addMatch("type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                                 "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" +
                                     peer_name + "'",
                                 [changed](sdbus::Message&) { changed(); })) {
  driver.owned(peer_name, [changed = std::move(changed)](bool) { changed(); });
}

}  // namespace syncnode::bus
