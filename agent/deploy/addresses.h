// Addresses: does this host have IPv6 with which Supabase's direct host can be reached, and if not, how does
// it get some? A cloud's metadata is asked only by who wants that. Refuses to change the network. Any thread.
#pragma once

#include <netinet/in.h>

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace syncnode::deploy {

// Of 2000::/3, and not of the documentation's block.
bool is_global(const in6_addr& address);
// This host's, each once, in the order of its interfaces.
Result<std::vector<std::string>> global_ipv6();

// What the metadata service of a cloud (DigitalOcean, Amazon) knows of this host's IPv6, as advice; kNotFound
// when none answers. `service` is the address of every cloud's; tests have another.
Result<std::string> cloud_advice(Deadline deadline, const std::string& service = "169.254.169.254");

inline constexpr char kIpv6Advice[] =
    "give it one: assign an IPv6 address to the machine at its provider (DigitalOcean: Networking, Enable "
    "IPv6; "
    "Amazon: an IPv6 block for VPC and subnet, a route ::/0, then an address for the instance), configure it "
    "(netplan, /etc/network/interfaces or NetworkManager), and see that `ping -6 one.one.one.one` answers; "
    "--cloud-metadata asks the provider's metadata service what it has";

}  // namespace syncnode::deploy
