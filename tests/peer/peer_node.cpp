// A process that is a node: takes its lock, says so in one line, and lives until its standard input ends.
// peer_node DIRECTORY NAME NONCE [child|hold-only]: "child" leaves a child behind that inherits everything.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "peer/node_lock.h"

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string how = argc > 4 ? argv[4] : "";
  auto lock = syncnode::peer::NodeLock::take(
      argv[1], argv[2], {std::string("openwebui-sync-") + argv[2], argv[3], ::getpid(), 9443, 0});
  if (!lock) {
    std::printf("refused: %s\n", lock.error().to_string().c_str());
    return 1;
  }
  pid_t child = 0;
  if (how == "child") {
    // Every descriptor goes along, close-on-exec or not: there is no exec.
    child = ::fork();
    if (child == 0) {
      ::close(STDOUT_FILENO);
      for (char byte = 0; ::read(STDIN_FILENO, &byte, 1) > 0;) {
      }
      ::_exit(0);
    }
  }
  std::printf("ready %d %s\n", static_cast<int>(child),
              lock->previous() ? lock->previous()->nonce.c_str() : "-");
  std::fflush(stdout);
  for (char byte = 0; ::read(STDIN_FILENO, &byte, 1) > 0;) {
  }
  return 0;
}
