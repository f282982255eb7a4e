// The whole command line of sync-nodectl: parses it, chooses the command, and says in one line what is wrong
// with it.
#pragma once

namespace syncnode::cli {

// The exit code of the process.
int run_command_line(int argc, char** argv);

}  // namespace syncnode::cli
