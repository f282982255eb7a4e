#include "capture/log_trail.h"

#include <algorithm>

namespace syncnode::capture {

void LogTrail::look() {
  std::lock_guard lock(mutex_);
  look_locked();
}

void LogTrail::begin_anew() {
  rounds_.clear();
  kept_ = 0;
}

// The last frame that was seen is as it was: no older copy of the log took its place.
bool LogTrail::goes_on(const sqlite::LogHeaders& log, const Round& round) {
  if (round.seen() == 0) return true;
  const auto last = log.frame(round.seen());
  return last && round.is(last->salt1, last->salt2) && last->checksum == round.checksum_of(round.seen());
}

void LogTrail::look_locked() {
  auto log = sqlite::LogHeaders::open(path_);
  if (!log) return;
  const auto state = log->committed();
  if (!state) return;
  if (!rounds_.empty() && !goes_on(*log, rounds_.back())) begin_anew();
  if (rounds_.empty() || !rounds_.back().is(state->salt1, state->salt2)) {
    // Restarts are counted in salt-1. More than one of them, or another log, and what was in between is lost.
    const bool next = !rounds_.empty() && state->salt1 == rounds_.back().salt1 + 1;
    if (!next || !end_round(*log, rounds_.back())) begin_anew();
    rounds_.push_back({state->salt1, state->salt2, 1, 0, {}, {}, {}});
    rounds_.back().main = untouched_main(*log, rounds_.back());
  }
  Round& round = rounds_.back();
  const size_t unseen = state->frames - std::min(state->frames, round.seen());
  if (kept_ + unseen > most_frames_) return skip_to(*log, *state);
  while (round.seen() < state->frames) {
    const auto frame = log->frame(round.seen() + 1);
    if (!frame || !round.is(frame->salt1, frame->salt2))
      return;  // begun anew just now: the next look sees it
    round.frames.push_back({frame->page, frame->checksum});
    ++kept_;
  }
  if (round.seen() == state->frames) round.commits = state->commits;
}

// More frames than are kept: of what was before nothing is known, and it is not read again.
void LogTrail::skip_to(const sqlite::LogHeaders& log, const sqlite::LogHeaders::Committed& state) {
  begin_anew();
  const auto last = log.frame(state.frames);
  if (!last || last->salt1 != state.salt1 || last->salt2 != state.salt2) return;
  rounds_.push_back({state.salt1, state.salt2, state.frames + 1, last->checksum, state.commits, {}, {}});
}

// Whatever was copied to it from the log before is there, and shows in its times.
std::optional<Position> LogTrail::untouched_main(const sqlite::LogHeaders& log, const Round& round) const {
  const auto facts = sqlite::facts_of(path_);
  const auto still = log.committed();
  if (!facts || !still || !round.is(still->salt1, still->salt2) || still->backfilled > 0) return std::nullopt;
  Position main;
  main.main_is(*facts);
  return main;
}

// The file ends where frames of the round could have followed, so that none can be shown to have been cut
// off. But commits are counted: all there were since the last look are those `read` behind it, and those of
// the log that began.
bool LogTrail::is_all(const sqlite::LogHeaders& log, const Round& round, uint32_t read) {
  const auto anew = log.committed();
  if (!anew || !round.commits || anew->salt1 != round.salt1 + 1 || anew->frames >= round.seen()) return false;
  uint32_t commits = read;
  for (uint32_t number = 1; number <= anew->frames; ++number) {
    const auto frame = log.frame(number);
    if (!frame || frame->salt1 != anew->salt1 || frame->salt2 != anew->salt2) return false;
    commits += frame->ends_commit ? 1 : 0;
  }
  return log.frame(round.seen()) && anew->commits - *round.commits == commits;
}

// The log was begun anew from its first frame on. What the round before had after the last look is still
// there as long as the new one has not come that far, and was not cut off.
bool LogTrail::end_round(const sqlite::LogHeaders& log, Round& round) {
  const uint32_t unseen = round.seen() + 1;
  const auto first = log.frame(unseen);
  if (!first) return is_all(log, round, 0);
  const auto anew = log.committed();
  if (!anew || (first->salt1 == anew->salt1 && first->salt2 == anew->salt2)) return false;
  uint32_t commits = 0;
  auto frame = first;
  for (uint32_t number = unseen; frame && round.is(frame->salt1, frame->salt2); frame = log.frame(++number)) {
    round.frames.push_back({frame->page, frame->checksum});
    ++kept_;
    commits += frame->ends_commit ? 1 : 0;
  }
  if (!frame && !is_all(log, round, commits)) return false;
  // Nothing that was read meanwhile was overwritten.
  const auto still = log.frame(unseen);
  const auto now = log.committed();
  return still && now && now->salt1 == anew->salt1 && still->salt1 == first->salt1 &&
         still->salt2 == first->salt2;
}

// The round that has what came after `earlier`: its own, or, where that was the main file alone, one that was
// met while the main file was still the same.
std::deque<LogTrail::Round>::const_iterator LogTrail::from(const Position& earlier) const {
  auto round = rounds_.begin();
  const auto is_its_own = [&] { return earlier.live && round->is(earlier.log.salt1, earlier.log.salt2); };
  while (round != rounds_.end() && !is_its_own()) ++round;
  if (round != rounds_.end() || !earlier.main_alone()) return round;
  round = rounds_.begin();
  while (round != rounds_.end() && !(round->main && earlier.same_main(*round->main))) ++round;
  return round;
}

std::optional<std::vector<uint32_t>> LogTrail::between(const Position& earlier, const Position& later) {
  std::lock_guard lock(mutex_);
  if (!later.live) return std::nullopt;
  look_locked();
  std::vector<uint32_t> pages;
  auto round = from(earlier);
  if (round == rounds_.end()) return std::nullopt;
  const bool its_own = earlier.live && round->is(earlier.log.salt1, earlier.log.salt2);
  const uint32_t known = its_own ? earlier.log.frames : 0;
  if (known + 1 < round->first || known > round->seen()) return std::nullopt;
  // Same salts can be an older copy of both files put back, that went another way since.
  const uint64_t sum = uint64_t{earlier.log.checksum1} << 32 | earlier.log.checksum2;
  if (known > 0 && sum != round->checksum_of(known)) return std::nullopt;
  uint32_t skipped = known + 1 - round->first;
  for (; round != rounds_.end(); ++round) {
    for (size_t i = skipped; i < round->frames.size(); ++i) pages.push_back(round->frames[i].page);
    skipped = 0;
    if (!round->is(later.log.salt1, later.log.salt2)) continue;
    return round->seen() >= later.log.frames ? std::optional(std::move(pages)) : std::nullopt;
  }
  return std::nullopt;
}

void LogTrail::forget(const Position& before) {
  std::lock_guard lock(mutex_);
  if (!before.live) return;
  look_locked();  // a run need not have asked: where the log told, the next one may depend on this look
  auto round = rounds_.begin();
  while (round != rounds_.end() && !round->is(before.log.salt1, before.log.salt2)) ++round;
  if (round == rounds_.end()) return;
  for (auto gone = rounds_.begin(); gone != round; ++gone) kept_ -= gone->frames.size();
  rounds_.erase(rounds_.begin(), round);
  Round& first = rounds_.front();
  if (before.log.frames < first.first || before.log.frames > first.seen()) return;
  const uint32_t known = before.log.frames + 1 - first.first;
  first.before = first.checksum_of(before.log.frames);
  first.frames.erase(first.frames.begin(), first.frames.begin() + known);
  first.first += known;
  kept_ -= known;
}

}  // namespace syncnode::capture
