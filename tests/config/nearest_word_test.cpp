#include "config/nearest_word.h"

#include <gtest/gtest.h>

namespace syncnode::config {
namespace {

TEST(NearestWord, FindsTheSlipOfAFinger) {
  std::vector<std::string> words = {"sync", "verify", "client", "held"};
  EXPECT_EQ(nearest_word("snyc", words), "");  // two changes in four letters could be anything
  EXPECT_EQ(nearest_word("synk", words), "sync");
  EXPECT_EQ(nearest_word("verfy", words), "verify");
  EXPECT_EQ(nearest_word("Clients", words), "client");
  EXPECT_EQ(nearest_word("status", words), "");
  EXPECT_EQ(nearest_word("", {}), "");
}

}  // namespace
}  // namespace syncnode::config
