#include "oneshot/oneshot.h"

int main(int argc, char** argv) {
  return static_cast<int>(syncnode::oneshot::run_oneshot(std::vector<std::string>(argv + 1, argv + argc)));
}
