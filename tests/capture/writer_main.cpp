// A capture test that has a Writer is also the program of that.
#include <gtest/gtest.h>

#include "writer.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == syncnode::capture::Writer::kArgument)
    return syncnode::capture::Writer::serve();
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
