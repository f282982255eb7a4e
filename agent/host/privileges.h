// Giving up root before a client's file is opened (law L1): afterwards this process could not write it.
// Called once, from main(), before any thread starts. There is no way back.
#pragma once

#include <string>

#include "base/result.h"

namespace syncnode::host {

// As root: becomes user `sync-node` (or `nobody` where that does not exist), all groups dropped, keeping only
// CAP_DAC_READ_SEARCH (effective, permitted, ambient none), no_new_privs, no core dumps. `state_directory` is
// created for that user first when absent, and handed over when root made it and it is empty. As another uid:
// keeps what it has; drops everything but CAP_DAC_READ_SEARCH. Works without CAP_CHOWN when the state
// directory already fits.
Status drop_to_reader(const std::string& state_directory);

// kFailedPrecondition when this process could write the file, or create or delete in its directory.
Status check_cannot_write(const std::string& database_path);

}  // namespace syncnode::host
