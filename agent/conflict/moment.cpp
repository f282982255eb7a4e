#include "conflict/moment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "conflict/iso_time.h"

namespace syncnode::conflict {
namespace {

using std::chrono::nanoseconds;

struct Unit {
  double below;  // numbers smaller than this
  int64_t nanoseconds_each;
  std::string_view name;
};
constexpr std::array<Unit, 4> kUnits = {{{1e11, 1000000000, "seconds"},
                                         {1e14, 1000000, "milliseconds"},
                                         {1e17, 1000, "microseconds"},
                                         {std::numeric_limits<double>::infinity(), 1, "nanoseconds"}}};

const Unit& unit_of(double value) {
  return *std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& unit) { return value < unit.below; });
}

constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

Instant instant(int64_t whole, int64_t each, int64_t more = 0) {
  // Beyond 2262 stays at its end: it is in the future anyway, and not believed.
  if (whole > (kMost - more) / each) return Instant(nanoseconds(kMost));
  return Instant(nanoseconds(whole * each + more));
}

std::optional<Moment> of_integer(int64_t value) {
  if (value <= 0) return std::nullopt;
  const Unit& unit = unit_of(static_cast<double>(value));
  return Moment{instant(value, unit.nanoseconds_each), nanoseconds(unit.nanoseconds_each), unit.name};
}

// A double holds about 16 digits, so a fraction of a second can tell microseconds, and no more.
std::optional<Moment> of_real(double value) {
  if (!(value >= 1) || std::isinf(value)) return std::nullopt;
  if (value >= 9e18) return Moment{Instant(nanoseconds(kMost)), nanoseconds(1), "nanoseconds"};
  const double whole = std::floor(value);
  auto moment = of_integer(static_cast<int64_t>(whole));
  const Unit& unit = unit_of(value);
  const int64_t each = unit.nanoseconds_each;
  if (value == whole) return moment;
  const auto part = static_cast<int64_t>((value - whole) * static_cast<double>(each));
  return Moment{instant(static_cast<int64_t>(whole), each, part), nanoseconds(std::min<int64_t>(each, 1000)),
                unit.name};
}

// Digits with at most one point among them, not at the end and not at the front.
std::optional<Moment> of_digits(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  if (text.empty() || text.size() > 40) return std::nullopt;
  const size_t point = std::min(text.find('.'), text.size());
  const auto whole = text.substr(0, point);
  const auto rest = point == text.size() ? std::string_view("0") : text.substr(point + 1);
  if (whole.empty() || rest.empty() || whole.find_first_not_of(kDigits) != std::string_view::npos ||
      rest.find_first_not_of(kDigits) != std::string_view::npos) {
    return std::nullopt;
  }
  if (point != text.size()) return of_real(std::strtod(std::string(text).c_str(), nullptr));
  int64_t value = 0;
  const auto read = std::from_chars(whole.data(), whole.data() + whole.size(), value);
  return of_integer(read.ec == std::errc::result_out_of_range ? kMost : value);
}

std::optional<Moment> of_text(std::string_view text) {
  if (auto moment = of_digits(text)) return moment;
  const auto iso = parse_iso_time(text);
  if (!iso || iso->seconds <= 0) return std::nullopt;
  return Moment{instant(iso->seconds, 1000000000, iso->nanoseconds), iso->granule, "ISO 8601"};
}

std::string shown(const Json* value) {
  if (value == nullptr || value->is_null()) return "nothing";
  // A text that is a time is plain; any other one needs its quotes and escapes.
  const bool plain = value->is_string() && read_moment(value);
  std::string text = plain ? value->get<std::string>() : json::to_text(*value);
  return text.size() <= 40 ? text : "a long value";
}

// What one side says, and whether it can be believed.
struct Saying {
  std::optional<Moment> moment;
  std::string words;
};

Saying saying_of(std::string_view side, const Json* value, Instant now) {
  Saying saying{read_moment(value), ""};
  if (!saying.moment) {
    saying.words = fmt::format("{} has no time ({})", side, shown(value));
  } else if (saying.moment->at - now > kBelievedAhead) {
    saying.words = fmt::format("{} {} ({}) lies more than {} h in the future and is not believed", side,
                               shown(value), saying.moment->unit, kBelievedAhead.count());
    saying.moment.reset();
  } else {
    saying.words = fmt::format("{} {} ({})", side, shown(value), saying.moment->unit);
  }
  return saying;
}

int compare(const Moment& left, const Moment& right) {
  const int64_t granule = std::max(left.granule, right.granule).count();
  const int64_t a = left.at.time_since_epoch().count() / granule;
  const int64_t b = right.at.time_since_epoch().count() / granule;
  return a < b ? -1 : a > b ? 1 : 0;
}

}  // namespace

std::optional<Moment> read_moment(const Json* value) {
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return of_text(value->get_ref<const std::string&>());
  if (value->is_number_float()) return of_real(value->get<double>());
  if (value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(kMost)) {
    return of_integer(kMost);
  }
  if (value->is_number_integer()) return of_integer(value->get<int64_t>());
  return std::nullopt;
}

Comparison compare_times(const Json* source, const Json* target, Instant now) {
  const Saying ours = saying_of("source", source, now);
  const Saying theirs = saying_of("target", target, now);
  if (!ours.moment && !theirs.moment) {
    return {Newer::kUnknown, fmt::format("{}, {}", ours.words, theirs.words)};
  }
  if (!theirs.moment) return {Newer::kSource, fmt::format("{}, {}", ours.words, theirs.words)};
  if (!ours.moment) return {Newer::kTarget, fmt::format("{}, {}", theirs.words, ours.words)};
  const int order = compare(*ours.moment, *theirs.moment);
  if (order > 0) return {Newer::kSource, fmt::format("{} is newer than {}", ours.words, theirs.words)};
  if (order < 0) return {Newer::kTarget, fmt::format("{} is newer than {}", theirs.words, ours.words)};
  return {Newer::kTie, fmt::format("{} and {} are the same time", ours.words, theirs.words)};
}

bool is_later_than_base(const Json* value, const Json* base, Instant now) {
  const Saying after = saying_of("", value, now);
  const Saying before = saying_of("", base, now);
  return after.moment && before.moment && compare(*after.moment, *before.moment) > 0;
}

}  // namespace syncnode::conflict
