#include "conflict/iso_time.h"

namespace syncnode::conflict {
namespace {

using std::chrono::nanoseconds;

bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}

// Takes what it reads from the front of a text.
class Letters {
 public:
  explicit Letters(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  char next() const { return rest_.empty() ? '\0' : rest_.front(); }

  bool take(char letter) {
    if (next() != letter) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::optional<int> number(size_t digits) {
    if (rest_.size() < digits) return std::nullopt;
    int value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (!is_digit(rest_[i])) return std::nullopt;
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }

 private:
  std::string_view rest_;
};

std::optional<int64_t> read_date(Letters& letters) {
  const auto year = letters.number(4);
  if (!year || !letters.take('-')) return std::nullopt;
  const auto month = letters.number(2);
  if (!month || !letters.take('-')) return std::nullopt;
  const auto day = letters.number(2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                         std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * int64_t{86400};
}

// The digits behind the point: nanoseconds, and how fine they can tell. Digits beyond nine are cut.
bool read_fraction(Letters& letters, IsoTime& time) {
  if (!is_digit(letters.next())) return false;
  int64_t unit = 1000000000;
  int digits = 0;
  for (; is_digit(letters.next()); ++digits) {
    const int digit = *letters.number(1);
    unit /= 10;
    time.nanoseconds += digit * unit;
  }
  time.granule = digits <= 3 ? nanoseconds(1000000) : digits <= 6 ? nanoseconds(1000) : nanoseconds(1);
  return true;
}

bool read_clock(Letters& letters, IsoTime& time) {
  const auto hour = letters.number(2);
  if (!hour || *hour > 23 || !letters.take(':')) return false;
  const auto minute = letters.number(2);
  if (!minute || *minute > 59) return false;
  time.seconds += *hour * 3600 + *minute * 60;
  time.granule = std::chrono::minutes(1);
  if (!letters.take(':')) return true;
  const auto second = letters.number(2);
  if (!second || *second > 60) return false;
  time.seconds += *second;
  time.granule = std::chrono::seconds(1);
  return !letters.take('.') || read_fraction(letters, time);
}

bool read_zone(Letters& letters, IsoTime& time) {
  if (letters.at_end() || letters.take('Z') || letters.take('z')) return true;
  const int64_t sign = letters.next() == '-' ? 1 : -1;  // to UTC: the other way round
  if (!letters.take('+') && !letters.take('-')) return false;
  const auto hours = letters.number(2);
  if (!hours || *hours > 15) return false;
  letters.take(':');
  int minutes = 0;
  if (!letters.at_end()) {
    const auto given = letters.number(2);
    if (!given || *given > 59) return false;
    minutes = *given;
  }
  time.seconds += sign * (*hours * int64_t{3600} + minutes * int64_t{60});
  return true;
}

}  // namespace

std::optional<IsoTime> parse_iso_time(std::string_view text) {
  Letters letters(text);
  const auto date = read_date(letters);
  if (!date) return std::nullopt;
  IsoTime time{*date, 0, std::chrono::days(1)};
  if (letters.at_end()) return time;
  if (!letters.take('T') && !letters.take('t') && !letters.take(' ')) return std::nullopt;
  if (!read_clock(letters, time) || !read_zone(letters, time) || !letters.at_end()) return std::nullopt;
  return time;
}

}  // namespace syncnode::conflict
