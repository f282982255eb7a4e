// enable and disable: the only part that changes anything. One at a time on a host; once the file is about to
// be written no signal but SIGKILL comes in between, and a file that Docker does not start with is put back.
// One thread; blocks.
#pragma once

#include "docker_ipv6/options.h"
#include "docker_ipv6/world.h"

namespace syncnode::docker_ipv6 {

ExitCode enable(const Options& options);
ExitCode disable(const Options& options);

// What, why and what to do next, to standard error; gives the exit code that fits.
ExitCode fail(const Error& error);
// The same of all that stands in the way of a plan.
ExitCode fail(const Plan& plan);

}  // namespace syncnode::docker_ipv6
