// Reading dates: fromisoformat and strptime.
#include <array>
#include <cmath>

#include "jinja/error.h"
#include "jinja/text.h"
#include "jinja/time_values.h"

namespace tarn::jinja {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr std::array<std::string_view, 12> kMonths = {
    "january", "february", "march",     "april",   "may",      "june",
    "july",    "august",   "september", "october", "november", "december"};
constexpr std::array<std::string_view, 7> kDays = {"monday", "tuesday",  "wednesday", "thursday",
                                                   "friday", "saturday", "sunday"};

struct Fields {
  int64_t year = 1900, month = 1, day = 1, hour = 0, minute = 0, second = 0, micro = 0,
          yearday = -1;
  bool twelve = false, pm = false;
  Ref<TzInfo> tz;
};

// Between `least` and `most` digits.
bool Digits(std::string_view* s, size_t least, size_t most, int64_t* out) {
  size_t n = 0;
  int64_t v = 0;
  while (n < most && n < s->size() && AsciiDigit((*s)[n])) v = v * 10 + ((*s)[n++] - '0');
  if (n < least) return false;
  s->remove_prefix(n);
  *out = v;
  return true;
}

bool Take(std::string_view* s, std::string_view what) {
  if (!s->starts_with(what)) return false;
  s->remove_prefix(what.size());
  return true;
}

bool Offset(std::string_view* s, Ref<TzInfo>* tz) {
  if (Take(s, "Z")) {
    *tz = UtcZone();
    return true;
  }
  if (s->empty() || ((*s)[0] != '+' && (*s)[0] != '-')) return false;
  int64_t sign = (*s)[0] == '-' ? -1 : 1, h = 0, m = 0, sec = 0;
  s->remove_prefix(1);
  if (!Digits(s, 2, 2, &h)) return false;
  Take(s, ":");
  if (!Digits(s, 2, 2, &m)) m = 0;
  if (Take(s, ":") && !Digits(s, 2, 2, &sec)) return false;
  int64_t offset = sign * (h * 3600 + m * 60 + sec);
  std::string name = "UTC" + std::string(sign < 0 ? "-" : "+") + (h < 10 ? "0" : "") +
                     std::to_string(h) + ":" + (m < 10 ? "0" : "") + std::to_string(m);
  *tz = offset == 0 ? UtcZone() : MakeRef<TzInfo>(name, offset, name);
  return true;
}

// Digits after the point: up to six count, as millionths.
bool Fraction(std::string_view* s, int64_t* micro, size_t most) {
  size_t before = s->size();
  int64_t v = 0;
  if (!Digits(s, 1, most, &v)) return false;
  for (size_t n = before - s->size(); n < 6; ++n) v *= 10;
  *micro = v;
  return true;
}

bool ValidDate(const Fields& f) {
  return f.year >= 1 && f.year <= 9999 && f.month >= 1 && f.month <= 12 && f.day >= 1 &&
         f.day <= DaysInMonth(f.year, f.month);
}

bool ValidTime(const Fields& f) { return f.hour < 24 && f.minute < 60 && f.second < 60; }

Value Build(const Fields& f, Moment::Kind kind) {
  int64_t micros = (f.hour * 3600 + f.minute * 60 + f.second) * kSecond + f.micro;
  int64_t days = kind == Moment::Kind::kTime ? 0 : DaysOf(f.year, f.month, f.day);
  return Value(Ref<Object>(new Moment(kind, days, kind == Moment::Kind::kDate ? 0 : micros, f.tz)));
}

bool IsoDate(std::string_view* s, Fields* f) {
  if (!Digits(s, 4, 4, &f->year)) return false;
  bool dash = Take(s, "-");
  if (!Digits(s, 2, 2, &f->month)) return false;
  if (Take(s, "-") != dash || !Digits(s, 2, 2, &f->day)) return false;
  return ValidDate(*f);
}

bool IsoTime(std::string_view* s, Fields* f) {
  if (!Digits(s, 2, 2, &f->hour)) return false;
  bool colon = Take(s, ":");
  if (Digits(s, 2, 2, &f->minute)) {
    if ((!colon || Take(s, ":")) && Digits(s, 2, 2, &f->second)) {
      if ((Take(s, ".") || Take(s, ",")) && !Fraction(s, &f->micro, 6)) return false;
      while (!s->empty() && AsciiDigit((*s)[0])) s->remove_prefix(1);
    }
  } else if (colon) {
    return false;
  }
  Offset(s, &f->tz);
  return ValidTime(*f);
}

template <size_t N>
bool Named(std::string_view* s, const std::array<std::string_view, N>& names, bool full,
           int64_t* index) {
  std::string lower = ToLower(s->substr(0, 12));
  for (size_t i = 0; i < N; ++i) {
    std::string_view name = full ? names[i] : names[i].substr(0, 3);
    if (!lower.starts_with(name)) continue;
    s->remove_prefix(name.size());
    *index = static_cast<int64_t>(i);
    return true;
  }
  return false;
}

bool Directive(char c, std::string_view* s, Fields* f) {
  int64_t n;
  switch (c) {
    case 'Y': return Digits(s, 4, 4, &f->year);
    case 'm': return Digits(s, 1, 2, &f->month) && f->month >= 1 && f->month <= 12;
    case 'd': return Digits(s, 1, 2, &f->day) && f->day >= 1 && f->day <= 31;
    case 'H': return Digits(s, 1, 2, &f->hour) && f->hour < 24;
    case 'I': f->twelve = true; return Digits(s, 1, 2, &f->hour) && f->hour >= 1 && f->hour <= 12;
    case 'M': return Digits(s, 1, 2, &f->minute) && f->minute < 60;
    case 'S': return Digits(s, 1, 2, &f->second) && f->second < 62;
    case 'f': return Fraction(s, &f->micro, 6);
    case 'j': return Digits(s, 1, 3, &f->yearday) && f->yearday >= 1 && f->yearday <= 366;
    case 'y':
      if (!Digits(s, 2, 2, &n)) return false;
      f->year = n + (n < 69 ? 2000 : 1900);
      return true;
    case 'b': return Named(s, kMonths, false, &f->month) && ++f->month;
    case 'B': return Named(s, kMonths, true, &f->month) && ++f->month;
    case 'a': return Named(s, kDays, false, &n);
    case 'A': return Named(s, kDays, true, &n);
    case 'z': return Offset(s, &f->tz);
    case 'Z': return Take(s, "UTC") || Take(s, "GMT") || Take(s, "utc") || Take(s, "gmt");
    case 'p': {
      std::string lower = ToLower(s->substr(0, 2));
      if (lower != "am" && lower != "pm") return false;
      f->pm = lower == "pm";
      s->remove_prefix(2);
      return true;
    }
    case '%': return Take(s, "%");
    default: return false;
  }
}

}  // namespace

Result<Value> ParseIso(std::string_view text, Moment::Kind kind) {
  Fields f;
  std::string_view s = text;
  bool fine = kind == Moment::Kind::kTime || IsoDate(&s, &f);
  if (kind == Moment::Kind::kDatetime && fine && !s.empty()) {
    s.remove_prefix(DecodeAt(s, 0).bytes);
    fine = IsoTime(&s, &f);
  } else if (kind == Moment::Kind::kTime) {
    Take(&s, "T");
    fine = IsoTime(&s, &f);
  }
  if (!fine || !s.empty()) return ValueError("Invalid isoformat string: " + StringRepr(text));
  return Build(f, kind);
}

Result<Value> ParseTime(std::string_view text, std::string_view format) {
  Fields f;
  std::string_view s = text;
  Status mismatch =
      ValueError("time data " + StringRepr(text) + " does not match format " + StringRepr(format));
  for (size_t i = 0; i < format.size(); ++i) {
    char c = format[i];
    if (c == '%') {
      if (++i >= format.size()) return ValueError("stray % in format " + StringRepr(format));
      static constexpr std::string_view kKnown = "YmdHIMSfjybBaAzZp%";
      if (kKnown.find(format[i]) == std::string_view::npos) {
        return ValueError(std::string("'") + format[i] + "' is a bad directive in format " +
                          StringRepr(format));
      }
      if (!Directive(format[i], &s, &f)) return mismatch;
    } else if (AsciiSpace(c)) {
      size_t before = s.size();
      s = StripSpaceLeft(s);
      if (s.size() == before) return mismatch;
      while (i + 1 < format.size() && AsciiSpace(format[i + 1])) ++i;
    } else if (s.empty() || AsciiLower(s[0]) != AsciiLower(c)) {
      return mismatch;
    } else {
      s.remove_prefix(1);
    }
  }
  if (!s.empty()) return ValueError("unconverted data remains: " + std::string(s));
  if (f.twelve) f.hour = f.hour % 12 + (f.pm ? 12 : 0);
  if (f.yearday > 0) {
    int64_t unused;
    CivilOf(DaysOf(f.year, 1, 1) + f.yearday - 1, &unused, &f.month, &f.day);
  }
  if (!ValidDate(f)) return ValueError("day is out of range for month");
  return Build(f, Moment::Kind::kDatetime);
}

}  // namespace tarn::jinja
