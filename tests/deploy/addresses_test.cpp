#include "deploy/addresses.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

namespace syncnode::deploy {
namespace {

TEST(Addresses, OnlyWhatTheInternetCanReachIsGlobal) {
  const auto is = [](const char* text) {
    in6_addr address{};
    EXPECT_EQ(::inet_pton(AF_INET6, text, &address), 1) << text;
    return is_global(address);
  };
  for (const char* text : {"2a01:4f8::1", "2600:1f18::5", "2001:4860:4860::8888", "3fff::1"})
    EXPECT_TRUE(is(text)) << text;
  for (const char* text :
       {"::1", "::", "fe80::1", "fd00::1", "fc00::1", "ff02::1", "2001:db8::1", "64:ff9b::1"})
    EXPECT_FALSE(is(text)) << text;
}

}  // namespace
}  // namespace syncnode::deploy
