// PeerWatch: says that the other node of this host came to the bus or left it. A hint that makes a node look,
// never a proof: anybody with the right to own the name can own it, a frozen peer keeps it, and a bus that
// dies takes all names with it. Bus thread only; lives as long as the connection.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <functional>

#include "bus/driver.h"

namespace syncnode::bus {

class PeerWatch {
 public:
  // The match comes before the question, so that a peer which dies between the two is not missed. `changed`
  // is called on every change of the owner, and once when the question is answered.
  PeerWatch(sdbus::IConnection& connection, Driver& driver, const std::string& peer_name,
            std::function<void()> changed);

 private:
  sdbus::Slot match_;
};

}  // namespace syncnode::bus
