#include "capture/changed_pages.h"

namespace syncnode::capture {
namespace {

// In one log: without a checkpoint nobody has a reason to write to the main file.
// (Only a recovery counts what was copied back from the beginning.)
bool is_overwritten(const Position& earlier, const Position& now) {
  return earlier.log.backfilled >= now.log.backfilled && !earlier.same_facts(now);
}

// Nothing: the log does not go back to `earlier`.
Result<std::optional<std::vector<uint32_t>>> from_log(sqlite::SourcePages& pages, const Position& earlier,
                                                      const Position& now) {
  const auto none = std::optional<std::vector<uint32_t>>();
  if (!now.live) return none;
  const bool same_log = earlier.live && earlier.log.salt1 == now.log.salt1 &&
                        earlier.log.salt2 == now.log.salt2 && earlier.log.frames <= now.log.frames;
  if (same_log && earlier.log.frames > 0) {
    // Same salts can be an older copy of both files put back, that went another way since.
    std::pair<uint32_t, uint32_t> sum{now.log.checksum1, now.log.checksum2};
    if (earlier.log.frames < now.log.frames) {
      auto read = pages.frame_checksum(earlier.log.frames);
      // A snapshot that needs nothing of the log may have been copied without it.
      if (!read && !now.log.in_use) return none;
      SN_ASSIGN(sum, std::move(read));
    }
    const bool same_past = sum.first == earlier.log.checksum1 && sum.second == earlier.log.checksum2;
    if (!same_past || is_overwritten(earlier, now)) return none;
    return pages.frame_pages(earlier.log.frames + 1, now.log.frames);
  }
  // The earlier snapshot was the main file, which is as it was, and the log holds all there is since.
  const bool all_in_log = earlier.main_alone() && earlier.same_main(now) && now.log.backfilled == 0;
  return all_in_log ? pages.frame_pages(1, now.log.frames) : none;
}

// A log that goes on, but not from where the earlier snapshot ended, is not to be trusted by its salts. One
// that was copied back as a whole is not kept from beginning anew by a snapshot, which learns nothing from it
// where it just did; who followed it saw what it held, and whether it went on from there.
bool trail_may_tell(const Position& earlier, const Position& now) {
  const bool same_salts = earlier.log.salt1 == now.log.salt1 && earlier.log.salt2 == now.log.salt2;
  if (!same_salts) return true;
  return !now.log.in_use && earlier.live && earlier.log.frames <= now.log.frames &&
         !is_overwritten(earlier, now);
}

}  // namespace

Result<std::optional<ChangedPages>> pages_told(sqlite::SourcePages& pages, const Position& earlier,
                                               const Position& now, Trail* trail) {
  // Another file, be it beside the old log, which goes on as if nothing had happened.
  if (earlier.inode != now.inode) return std::optional<ChangedPages>();
  if (!now.live && earlier.main_alone() && earlier.same_main(now)) return std::optional(ChangedPages{});
  SN_ASSIGN(auto logged, from_log(pages, earlier, now));
  if (logged) return std::optional(ChangedPages{Evidence::kLog, std::move(*logged), {}});
  const bool may_tell =
      trail != nullptr && (now.live ? trail_may_tell(earlier, now) : now.counter.has_value());
  auto trailed = may_tell ? trail->between(earlier, now) : std::nullopt;
  const Evidence seen = now.live ? Evidence::kTrail : Evidence::kJournals;
  if (trailed) return std::optional(ChangedPages{seen, std::move(*trailed), {}});
  return std::optional<ChangedPages>();
}

}  // namespace syncnode::capture
