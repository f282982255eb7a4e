// A random UUID (version 4) as text: sync ids, load ids, term nonces. Any thread.
#pragma once

#include <string>

namespace syncnode::sync {

std::string random_uuid();

}  // namespace syncnode::sync
