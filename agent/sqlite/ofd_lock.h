// Open-file-description locks on the byte ranges SQLite's unix VFS agreed on. They meet the application's
// POSIX locks as another process's would, and unlike those they do not vanish when somebody else in this
// process closes the same file. Refuses write locks: there is no function for one. Any thread.
#pragma once

#include <sys/types.h>

namespace syncnode::sqlite {

// Main file (os_unix.c): a writer that waits for readers holds PENDING, which keeps new readers out.
inline constexpr off_t kPendingByte = 0x40000000;
inline constexpr off_t kReservedByte = kPendingByte + 1;
inline constexpr off_t kSharedFirst = kPendingByte + 2;
inline constexpr off_t kSharedSize = 510;
// -shm: eight lock bytes, then the "deadman switch" that everybody connected holds for reading.
inline constexpr off_t kShmLockBase = 120;
inline constexpr off_t kShmDeadman = 128;

bool try_read_lock(int fd, off_t start, off_t length);
void unlock(int fd, off_t start, off_t length);

enum class RangeHolder { kNobody, kReader, kWriter };
// Whose lock on the range would stop a writer; takes nothing.
RangeHolder holder_of(int fd, off_t start, off_t length);
bool write_locked(int fd, off_t start, off_t length);

}  // namespace syncnode::sqlite
