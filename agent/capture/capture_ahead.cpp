// Capture, the pass over the main file that is made before the snapshot is opened.
#include "capture/capture.h"
#include "sqlite/log_headers.h"

namespace syncnode::capture {

void Capture::read_ahead(const std::string& path, Trail* trail, bool is_copied, const std::stop_token& stop) {
  const bool looked = writable_;  // find() was called: what comes is go_on()
  const Position* then = looked && !stands_ ? &now_.position : before_ ? &before_->position : nullptr;
  const Guess guessed = then == nullptr ? Guess::kUntold : guess(path, *then, trail);
  told_ = guessed == Guess::kTold;
  if (guessed == Guess::kUntold)
    early_ = EarlyScan::take(path, memory_.seed(), then == nullptr, is_copied ? nullptr : trail, stop);
}

void Capture::pass(const std::string& path, const std::stop_token& stop) {
  may_lack_pass_ = lacks_pass_ = false;
  early_ = EarlyScan::take(path, memory_.seed(), false, nullptr, stop);
}

// The snapshot will see.
Capture::Guess Capture::guess(const std::string& path, const Position& then, Trail* trail) {
  const auto log = sqlite::LogHeaders::open(path);
  const auto committed = log ? log->committed() : std::nullopt;
  Position now;
  if (const auto facts = sqlite::facts_of(path)) now.main_is(*facts);
  if (!committed) {
    // An application that has just opened its file has nothing written yet: its log will tell.
    if (then.main_alone() && then.same_main(now)) return Guess::kTold;
    const auto here = trail != nullptr ? trail->here() : std::nullopt;
    if (!here) return Guess::kUnknown;
    return trail->between(then, *here) ? Guess::kTold : Guess::kUntold;
  }
  now.live = true;
  now.log.salt1 = committed->salt1;
  now.log.salt2 = committed->salt2;
  now.log.frames = committed->frames;
  const bool same_log = then.log.salt1 == now.log.salt1 && then.log.salt2 == now.log.salt2;
  const bool all_in_log = then.main_alone() && then.same_main(now) && committed->backfilled == 0;
  const bool told = (then.live && same_log) || all_in_log || (trail != nullptr && trail->between(then, now));
  return told ? Guess::kTold : Guess::kUntold;
}

Result<MainScan> Capture::scan(sqlite::Snapshot& snapshot, sqlite::SourcePages& pages, bool heads) {
  if (early_) {
    SN_ASSIGN(auto settled, early_->settle(pages, now_.position));
    early_.reset();
    if (settled && (!heads || !settled->heads.empty())) return std::move(*settled);
  }
  return scan_main(snapshot, pages, memory_.seed(), heads);
}

}  // namespace syncnode::capture
