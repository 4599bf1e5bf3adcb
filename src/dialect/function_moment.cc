#include "dialect/function_moment.h"

#include <algorithm>
#include <unordered_map>

#include "dialect/function_text.h"

namespace tarn::dialect {

using namespace duckdb;

namespace {

constexpr const char* kMonths[] = {"January",   "February", "March",    "April",
                                   "May",       "June",     "July",     "August",
                                   "September", "October",  "November", "December"};
constexpr const char* kDays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                 "Friday", "Saturday", "Sunday"};
constexpr const char* kQuarters[] = {"1st quarter", "2nd quarter", "3rd quarter", "4th quarter"};
constexpr std::string_view kLetters = "GyMLdDQqEFahHkKmsSVzOXxZ";

std::string Padded(int64_t value, int width) {
  auto text = std::to_string(value);
  if (static_cast<int>(text.size()) < width)
    text.insert(0, static_cast<size_t>(width) - text.size(), '0');
  return text;
}

std::string OffsetText(int64_t offset, bool colon, bool short_form) {
  const int64_t seconds = std::abs(offset) / kMicrosPerSecond;
  std::string text = offset < 0 ? "-" : "+";
  text += Padded(seconds / 3600, 2);
  if (short_form && seconds % 3600 == 0) return text;
  return text + (colon ? ":" : "") + Padded(seconds / 60 % 60, 2);
}

// The short names Java prints; zones without one there print their offset.
std::string ShortZoneName(const Zone& zone, int64_t instant, int64_t offset) {
  struct Names {
    std::string_view zone, winter, summer;
  };
  static constexpr Names kNames[] = {{"UTC", "UTC", "UTC"},
                                     {"GMT", "GMT", "GMT"},
                                     {"Z", "Z", "Z"},
                                     {"Etc/UTC", "UTC", "UTC"},
                                     {"America/Los_Angeles", "PST", "PDT"},
                                     {"America/Denver", "MST", "MDT"},
                                     {"America/Phoenix", "MST", "MST"},
                                     {"America/Chicago", "CST", "CDT"},
                                     {"America/New_York", "EST", "EDT"},
                                     {"America/Toronto", "EST", "EDT"},
                                     {"Europe/London", "GMT", "BST"},
                                     {"Europe/Dublin", "GMT", "IST"},
                                     {"Europe/Lisbon", "WET", "WEST"},
                                     {"Europe/Berlin", "CET", "CEST"},
                                     {"Europe/Paris", "CET", "CEST"},
                                     {"Europe/Madrid", "CET", "CEST"},
                                     {"Europe/Rome", "CET", "CEST"},
                                     {"Europe/Amsterdam", "CET", "CEST"},
                                     {"Europe/Vienna", "CET", "CEST"},
                                     {"Europe/Zurich", "CET", "CEST"},
                                     {"Europe/Helsinki", "EET", "EEST"},
                                     {"Europe/Athens", "EET", "EEST"},
                                     {"Europe/Moscow", "MSK", "MSK"},
                                     {"Asia/Kolkata", "IST", "IST"},
                                     {"Asia/Tokyo", "JST", "JST"},
                                     {"Asia/Seoul", "KST", "KST"},
                                     {"Asia/Shanghai", "CST", "CST"},
                                     {"Asia/Hong_Kong", "HKT", "HKT"},
                                     {"Asia/Singapore", "SGT", "SGT"},
                                     {"Australia/Sydney", "AEST", "AEDT"},
                                     {"Pacific/Auckland", "NZST", "NZDT"}};
  for (auto& names : kNames) {
    if (names.zone == zone.name())
      return std::string(zone.IsSummer(instant) ? names.summer : names.winter);
  }
  return zone.is_fixed() ? zone.name() : "GMT" + OffsetText(offset, true, false);
}

// The fields that print an offset: O, X, x and Z.
std::string OffsetField(char letter, int count, int64_t offset) {
  const bool colon = count == 3 || count == 5;
  switch (letter) {
    case 'O': {
      if (offset == 0) return "GMT";
      if (count != 1) return "GMT" + OffsetText(offset, true, false);
      const auto text = OffsetText(offset, true, true);
      return "GMT" + (text[1] == '0' ? text.substr(0, 1) + text.substr(2) : text);
    }
    case 'X': return offset == 0 ? "Z" : OffsetText(offset, colon, count == 1);
    case 'x': return OffsetText(offset, colon, count == 1);
    default:
      if (count == 4) return offset == 0 ? "GMT" : "GMT" + OffsetText(offset, true, false);
      if (count == 5) return offset == 0 ? "Z" : OffsetText(offset, true, false);
      return OffsetText(offset, false, false);
  }
}

}  // namespace

TimePattern::TimePattern(std::string_view pattern) {
  auto literal = [&](char c) {
    if (fields_.empty() || fields_.back().letter != 0) fields_.push_back({});
    fields_.back().literal += c;
  };
  for (size_t at = 0; at < pattern.size();) {
    const char c = pattern[at];
    if (c == '\'') {
      if (at + 1 < pattern.size() && pattern[at + 1] == '\'') {
        literal('\'');
        at += 2;
        continue;
      }
      for (at++; at < pattern.size(); at++) {
        if (pattern[at] != '\'') {
          literal(pattern[at]);
        } else if (at + 1 < pattern.size() && pattern[at + 1] == '\'') {
          literal(pattern[at++]);
        } else {
          break;
        }
      }
      at++;
      continue;
    }
    if (!std::isalpha(static_cast<unsigned char>(c))) {
      if (c == '[' || c == ']' || c == '#' || c == '{' || c == '}') {
        throw InvalidInputException("INVALID_DATETIME_PATTERN: '%s' has the reserved character %s",
                                    std::string(pattern), std::string(1, c));
      }
      literal(c);
      at++;
      continue;
    }
    size_t end = at;
    while (end < pattern.size() && pattern[end] == c) end++;
    const int count = static_cast<int>(end - at);
    const bool too_long =
        (c == 'E' || c == 'M' || c == 'L' || c == 'G' || c == 'Q' || c == 'q') ? count > 4
        : (c == 'd' || c == 'h' || c == 'H' || c == 'k' || c == 'K' || c == 'm' || c == 's')
            ? count > 2
        : c == 'a' ? count > 1
        : c == 'D' ? count > 3
        : c == 'S' ? count > 9
                   : false;
    if (kLetters.find(c) == std::string_view::npos || too_long) {
      throw InvalidInputException(
          "INVALID_DATETIME_PATTERN: '%s' has the field %s, which is not supported",
          std::string(pattern), std::string(pattern.substr(at, end - at)));
    }
    Field field;
    field.letter = c;
    field.count = count;
    fields_.push_back(std::move(field));
    at = end;
  }
}

std::string TimePattern::Format(int64_t local, int64_t offset, const Zone& zone,
                                int64_t instant) const {
  const int64_t day = FloorDiv(local, kMicrosPerDay);
  const int64_t time = local - day * kMicrosPerDay;
  const int64_t hour = time / (3600 * kMicrosPerSecond);
  const auto civil = CivilOf(day);
  std::string out;
  for (auto& field : fields_) {
    const int count = field.count;
    switch (field.letter) {
      case 0: out += field.literal; break;
      case 'G':
        out += count == 4 ? (civil.year > 0 ? "Anno Domini" : "Before Christ")
                          : (civil.year > 0 ? "AD" : "BC");
        break;
      case 'y': out += count == 2 ? Padded(civil.year % 100, 2) : Padded(civil.year, count); break;
      case 'M':
      case 'L':
        if (count <= 2) {
          out += Padded(civil.month, count);
        } else {
          out +=
              std::string(kMonths[civil.month - 1]).substr(0, count == 3 ? 3 : std::string::npos);
        }
        break;
      case 'd': out += Padded(civil.day, count); break;
      case 'D': out += Padded(day - *DaysOf(civil.year, 1, 1) + 1, count); break;
      case 'Q':
      case 'q': {
        const int quarter = (civil.month + 2) / 3;
        out += count <= 2   ? Padded(quarter, count)
               : count == 3 ? "Q" + std::to_string(quarter)
                            : std::string(kQuarters[quarter - 1]);
        break;
      }
      case 'E': {
        const auto weekday = static_cast<size_t>(((day + 3) % 7 + 7) % 7);
        out += std::string(kDays[weekday]).substr(0, count <= 3 ? 3 : std::string::npos);
        break;
      }
      case 'F': out += Padded((civil.day - 1) % 7 + 1, count); break;
      case 'a': out += hour < 12 ? "AM" : "PM"; break;
      case 'h': out += Padded((hour + 11) % 12 + 1, count); break;
      case 'H': out += Padded(hour, count); break;
      case 'k': out += Padded(hour == 0 ? 24 : hour, count); break;
      case 'K': out += Padded(hour % 12, count); break;
      case 'm': out += Padded(time / (60 * kMicrosPerSecond) % 60, count); break;
      case 's': out += Padded(time / kMicrosPerSecond % 60, count); break;
      case 'S': {
        auto digits = Padded(time % kMicrosPerSecond, 6) + "000";
        out += digits.substr(0, static_cast<size_t>(count));
        break;
      }
      case 'V': out += zone.name(); break;
      case 'z': out += ShortZoneName(zone, instant, offset); break;
      case 'O':
      case 'X':
      case 'x':
      case 'Z': out += OffsetField(field.letter, count, offset); break;
      default: break;
    }
  }
  return out;
}

bool TimePattern::IsNumber(size_t i) const {
  if (i >= fields_.size()) return false;
  const auto& field = fields_[i];
  return std::string_view("ydDhHkKmsSF").find(field.letter) != std::string_view::npos ||
         ((field.letter == 'M' || field.letter == 'L') && field.count <= 2);
}

// Reads a text along the fields of a pattern.
class TimeParser {
 public:
  TimeParser(const TimePattern& pattern, std::string_view text) : pattern_(pattern), text_(text) {}

  std::optional<TimePattern::Parsed> Run() {
    for (size_t i = 0; i < pattern_.fields_.size(); i++) {
      if (!Read(pattern_.fields_[i], pattern_.IsNumber(i + 1))) return std::nullopt;
    }
    if (at_ != text_.size()) return std::nullopt;
    return Finish();
  }

 private:
  bool Number(int least, int most, int64_t& value) {
    const size_t start = at_;
    value = 0;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) &&
           static_cast<int>(at_ - start) < most) {
      value = value * 10 + (text_[at_++] - '0');
    }
    return static_cast<int>(at_ - start) >= least;
  }

  template <size_t N>
  bool Name(const char* const (&names)[N], bool full, int64_t& value) {
    for (size_t i = 0; i < N; i++) {
      const std::string name = full ? names[i] : std::string(names[i]).substr(0, 3);
      if (StringUtil::CIEquals(std::string(text_.substr(at_, name.size())), name)) {
        at_ += name.size();
        value = static_cast<int64_t>(i) + 1;
        return true;
      }
    }
    return false;
  }

  bool ReadZone(const TimePattern::Field& field) {
    size_t end = at_;
    const bool offset = field.letter == 'X' || field.letter == 'x' || field.letter == 'Z';
    if (end < text_.size() && text_[end] == 'Z' && field.letter != 'x') {
      zone_ = "Z";
      at_ = end + 1;
      return true;
    }
    auto part = [&](char c) {
      const auto u = static_cast<unsigned char>(c);
      return std::isdigit(u) || c == '+' || c == '-' || c == ':' ||
             (!offset && (std::isalpha(u) || c == '/' || c == '_'));
    };
    while (end < text_.size() && part(text_[end])) end++;
    if (end == at_) return false;
    zone_ = std::string(text_.substr(at_, end - at_));
    at_ = end;
    return !offset || zone_[0] == '+' || zone_[0] == '-';
  }

  bool Read(const TimePattern::Field& field, bool number_follows) {
    const int count = field.count;
    int64_t ignored = 0;
    // A field of one letter takes as many digits as there are, unless another number follows at
    // once.
    const int most = count == 1 && !number_follows ? 19 : std::max(count, 1);
    switch (field.letter) {
      case 0:
        if (text_.substr(at_, field.literal.size()) != field.literal) return false;
        at_ += field.literal.size();
        return true;
      case 'y':
        if (count == 2) {
          if (!Number(2, 2, year_)) return false;
          year_ += 2000;
          return true;
        }
        return Number(count, number_follows ? count : std::max(count, 9), year_);
      case 'M':
      case 'L':
        if (count >= 3) return Name(kMonths, count == 4, month_);
        return Number(count, most, month_);
      case 'd': return Number(count, most, day_);
      case 'D': return Number(count, count == 1 ? 3 : count, day_of_year_);
      case 'E': return Name(kDays, count == 4, ignored);
      case 'a':
        if (StringUtil::CIEquals(std::string(text_.substr(at_, 2)), "am")) {
          pm_ = 0;
        } else if (StringUtil::CIEquals(std::string(text_.substr(at_, 2)), "pm")) {
          pm_ = 1;
        } else {
          return false;
        }
        at_ += 2;
        return true;
      case 'h':
        if (!Number(count, most, hour12_) || hour12_ < 1 || hour12_ > 12) return false;
        hour12_ %= 12;
        return true;
      case 'K': return Number(count, most, hour12_) && hour12_ < 12;
      case 'H': return Number(count, most, hour_);
      case 'k':
        if (!Number(count, most, hour_) || hour_ < 1 || hour_ > 24) return false;
        hour_ %= 24;
        return true;
      case 'm': return Number(count, most, minute_);
      case 's': return Number(count, most, second_);
      case 'S': {
        const size_t start = at_;
        if (!Number(1, 9, micros_)) return false;
        for (size_t digits = at_ - start; digits < 6; digits++) micros_ *= 10;
        for (size_t digits = at_ - start; digits > 6; digits--) micros_ /= 10;
        return true;
      }
      case 'V':
      case 'z':
      case 'O':
      case 'X':
      case 'x':
      case 'Z': return ReadZone(field);
      default: return false;
    }
  }

  std::optional<TimePattern::Parsed> Finish() {
    if (hour12_ >= 0) hour_ = hour12_ + (pm_ == 1 ? 12 : 0);
    if (hour_ > 23 || minute_ > 59 || second_ > 59 || month_ > 12 || day_ > 31) return std::nullopt;
    auto days = DaysOf(year_, static_cast<int>(month_), static_cast<int>(day_));
    if (!days) return std::nullopt;
    if (day_of_year_ > 0) days = *DaysOf(year_, 1, 1) + static_cast<int32_t>(day_of_year_) - 1;
    TimePattern::Parsed result;
    result.local = *days * kMicrosPerDay +
                   ((hour_ * 60 + minute_) * 60 + second_) * kMicrosPerSecond + micros_;
    result.zone = zone_;
    return result;
  }

  const TimePattern& pattern_;
  std::string_view text_;
  size_t at_ = 0;
  int64_t year_ = 1970, month_ = 1, day_ = 1, day_of_year_ = 0;
  int64_t hour_ = 0, hour12_ = -1, minute_ = 0, second_ = 0, micros_ = 0;
  int pm_ = -1;
  std::string zone_;
};

std::optional<TimePattern::Parsed> TimePattern::Parse(std::string_view text) const {
  return TimeParser(*this, text).Run();
}

std::shared_ptr<const TimePattern> CompileTimePattern(std::string_view pattern) {
  static thread_local std::unordered_map<std::string, std::shared_ptr<const TimePattern>> cache;
  std::string key(pattern);
  if (auto known = cache.find(key); known != cache.end()) return known->second;
  auto compiled = std::make_shared<const TimePattern>(pattern);
  if (cache.size() >= 256) cache.clear();
  cache.emplace(std::move(key), compiled);
  return compiled;
}

}  // namespace tarn::dialect
