#include "cli/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/text.h"

namespace syncnode::cli {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr size_t kBarColumns = 20;

std::string bar(int64_t done, int64_t total) {
  double share =
      total == 0 ? 1.0 : std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
  auto filled = static_cast<size_t>(share * kBarColumns);
  std::string text;
  for (size_t i = 0; i < kBarColumns; ++i) text += i < filled ? "█" : "░";
  return fmt::format("{} {:3.0f} %", text, share * 100);
}

}  // namespace

std::string progress_text(const ProgressLine& line, size_t columns) {
  std::string clock = fmt::format("{}:{:02}", static_cast<int64_t>(line.seconds) / 60,
                                  static_cast<int64_t>(line.seconds) % 60);
  std::string text = fmt::format("{:>5}  {}", clock, line.phase.empty() ? "starting" : line.phase);
  if (!line.table.empty()) {
    std::string rows = line.total >= 0 ? fmt::format("{}  {} of {} rows", bar(line.done, line.total),
                                                     count_text(line.done), count_text(line.total))
                                       : fmt::format("{} rows", count_text(line.done));
    size_t used = display_width(text) + display_width(rows) + 4;
    size_t room = columns > used ? columns - used : 0;
    text += fmt::format("  {}  {}", fit(printable(line.table), std::min<size_t>(room, 32)), rows);
  }
  return fit(text, columns);
}

ProgressBar::ProgressBar(int fd, bool live, Look look, LogLevel threshold)
    : fd_(fd), live_(live), look_(look), threshold_(threshold), started_(BootClock::now()) {}

ProgressBar::~ProgressBar() {
  erase();
}

void ProgressBar::phase(std::string_view name) {
  std::lock_guard lock(mutex_);
  phase_ = name;
  table_.clear();
  draw(BootClock::now());
}

void ProgressBar::table(std::string_view name, int64_t done, int64_t total) {
  std::lock_guard lock(mutex_);
  table_ = name;
  done_ = done;
  total_ = total;
  auto now = BootClock::now();
  if (now - drawn_ >= kRedraw) draw(now);
}

void ProgressBar::write(LogLevel level, std::string_view message) {
  if (level < threshold_) return;
  std::lock_guard lock(mutex_);
  erase();
  bool grave = level == LogLevel::kError;
  std::string word = grave ? "error:" : level == LogLevel::kWarning ? "warning:" : "note:";
  Style style = grave ? Style::kBad : level == LogLevel::kWarning ? Style::kWarning : Style::kFaint;
  send(fmt::format("{} {}\n", painted(style, word, look_), printable(message)));
}

void ProgressBar::draw(Deadline now) {
  if (!live_) return;
  drawn_ = now;
  visible_ = true;
  double seconds = std::chrono::duration<double>(now - started_).count();
  size_t columns = look_.columns > 1 ? look_.columns - 1 : 79;
  send("\r\033[K" + progress_text({phase_, table_, done_, total_, seconds}, columns));
}

void ProgressBar::erase() {
  if (!visible_) return;
  visible_ = false;
  send("\r\033[K");
}

void ProgressBar::send(std::string_view text) {
  // A progress line that cannot be written is no reason to stop the run, ignoring.
  [[maybe_unused]] auto written = ::write(fd_, text.data(), text.size());
}

}  // namespace syncnode::cli
