// The events an operator searches for, each with a journal MESSAGE_ID of its own and an entry in the catalog
// (units/sync-node.catalog). An id never changes its meaning.
#pragma once

#include "base/log.h"

namespace syncnode::daemon::events {

inline constexpr LogEvent kStarted{"e7bf803f295a438fba69cf3be66cab90"};
inline constexpr LogEvent kStopped{"847ece01759647baa687a7596bf912fe"};
inline constexpr LogEvent kElected{"29493a4500d24484925f32dbc92839bf"};
inline constexpr LogEvent kDeposed{"e3e1c4e57eba4c4a8dd634bac63e3c4f"};
inline constexpr LogEvent kDatabaseLost{"b1ccd377add04355921fefd94a991bf0"};
inline constexpr LogEvent kDatabaseBack{"173b6ad1e7684cf48ee9fbe1eecee023"};
inline constexpr LogEvent kClientFailed{"fef6a82696b54b28872a41eceb68c21e"};
inline constexpr LogEvent kDeletesHeld{"d912c1ff8e0a4ad598f3808fe72c460b"};
inline constexpr LogEvent kConflictsFound{"0054efaaabb54e6bbe215c4098966290"};
inline constexpr LogEvent kConflictsWait{"361c2dafa3434e7ab6332fd8f7d78acf"};
inline constexpr LogEvent kManyConflicts{"e5ada32c3bb64e648e619a6d15d9423a"};
inline constexpr LogEvent kCopyDiffers{"638299a7b5cd44dc873427351546ab49"};
inline constexpr LogEvent kReloadRefused{"ff691de3ba9a464cb16d1b9666efa6a1"};
inline constexpr LogEvent kLoopStalled{"d7921ef634bd448c8e42eb3537856bfa"};

}  // namespace syncnode::daemon::events
