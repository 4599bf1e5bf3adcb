#include "jinja/time_values.h"

#include <locale.h>
#include <time.h>

#include <cmath>

#include "jinja/error.h"
#include "jinja/number.h"
#include "jinja/session.h"

namespace tarn::jinja {
namespace {

using Item = std::optional<Value>;
constexpr int64_t kSecond = 1'000'000, kDay = 86400 * kSecond;

std::string Two(int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); }
std::string Six(int64_t n) {
  std::string s = std::to_string(n);
  return std::string(6 - s.size(), '0') + s;
}

int64_t FloorDiv(int64_t a, int64_t b) { return a / b - ((a % b != 0) && ((a < 0) != (b < 0))); }

Value Delta(int64_t micros) { return Value(Ref<Object>(new TimeDelta(micros))); }

std::string OffsetText(int64_t s, bool colon) {
  std::string out = s < 0 ? "-" : "+";
  s = std::abs(s);
  out += Two(s / 3600) + (colon ? ":" : "") + Two(s / 60 % 60);
  return s % 60 ? out + (colon ? ":" : "") + Two(s % 60) : out;
}

}  // namespace

int64_t DaysOf(int64_t y, int64_t m, int64_t d) {
  y -= m <= 2;
  int64_t era = FloorDiv(y, 400), yoe = y - era * 400;
  int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

void CivilOf(int64_t days, int64_t* year, int64_t* month, int64_t* day) {
  int64_t z = days + 719468, era = FloorDiv(z, 146097), doe = z - era * 146097;
  int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
  *day = doy - (153 * mp + 2) / 5 + 1;
  *month = mp < 10 ? mp + 3 : mp - 9;
  *year = yoe + era * 400 + (*month <= 2);
}

int64_t DaysInMonth(int64_t year, int64_t month) {
  return month == 12 ? 31 : DaysOf(year, month + 1, 1) - DaysOf(year, month, 1);
}

Result<Value> MakeDatetime(int64_t days, int64_t micros, Ref<TzInfo> tz) {
  days += FloorDiv(micros, kDay);
  micros -= FloorDiv(micros, kDay) * kDay;
  if (days < DaysOf(1, 1, 1) || days > DaysOf(9999, 12, 31)) {
    return MakeError("OverflowError", "date value out of range");
  }
  return Value(Ref<Object>(new Moment(Moment::Kind::kDatetime, days, micros, std::move(tz))));
}

// ---- timedelta

Result<Item> TimeDelta::GetAttr(Session&, std::string_view name) {
  int64_t days = FloorDiv(micros_, kDay), rest = micros_ - days * kDay;
  if (name == "days") return Item(Value(days));
  if (name == "seconds") return Item(Value(rest / kSecond));
  if (name == "microseconds") return Item(Value(rest % kSecond));
  if (name == "total_seconds") {
    double s = static_cast<double>(micros_) / 1e6;
    return Item(
        MakeFunction("total_seconds", [s](CallArgs&) -> Result<Value> { return Value(s); }));
  }
  return Item();
}

std::string TimeDelta::Str() const {
  int64_t days = FloorDiv(micros_, kDay), rest = micros_ - days * kDay, s = rest / kSecond;
  std::string out;
  if (days) out = std::to_string(days) + (std::abs(days) == 1 ? " day, " : " days, ");
  out += std::to_string(s / 3600) + ":" + Two(s / 60 % 60) + ":" + Two(s % 60);
  return rest % kSecond ? out + "." + Six(rest % kSecond) : out;
}

std::string TimeDelta::Repr() const {
  int64_t days = FloorDiv(micros_, kDay), rest = micros_ - days * kDay;
  std::string out;
  auto add = [&](const char* name, int64_t n) {
    if (n) out += (out.empty() ? "" : ", ") + std::string(name) + "=" + std::to_string(n);
  };
  add("days", days);
  add("seconds", rest / kSecond);
  add("microseconds", rest % kSecond);
  return "datetime.timedelta(" + (out.empty() ? "0" : out) + ")";
}

bool TimeDelta::Equals(const Value& other) const {
  auto* d = other.As<TimeDelta>();
  return d && d->micros_ == micros_;
}

Result<std::optional<bool>> TimeDelta::LessThan(const Value& other) const {
  auto* d = other.As<TimeDelta>();
  if (!d) return std::optional<bool>();
  return std::optional<bool>(micros_ < d->micros_);
}

Result<Item> TimeDelta::Arithmetic(std::string_view op, const Value& other, bool reflected) const {
  if (auto* d = other.As<TimeDelta>()) {
    int64_t a = reflected ? d->micros_ : micros_, b = reflected ? micros_ : d->micros_;
    if (op == "+") return Item(Delta(a + b));
    if (op == "-") return Item(Delta(a - b));
    if (b == 0 && (op == "/" || op == "//" || op == "%")) {
      return MakeError("ZeroDivisionError", "integer division or modulo by zero");
    }
    if (op == "/") return Item(Value(static_cast<double>(a) / static_cast<double>(b)));
    if (op == "//") return Item(Value(FloorDiv(a, b)));
    if (op == "%") return Item(Delta(a - FloorDiv(a, b) * b));
    return Item();
  }
  if (!other.is_number() || other.kind() == Kind::kBigInt) return Item();
  TARN_ASSIGN_OR_RETURN(double factor, ToDouble(other));
  bool whole = other.kind() != Kind::kFloat;
  if (op == "*") {
    if (std::fabs(static_cast<double>(micros_) * factor) > 8.6e19) {
      return MakeError("OverflowError", "days out of range for a timedelta");
    }
    return Item(
        Delta(whole ? micros_ * other.as_int()
                    : static_cast<int64_t>(std::nearbyint(static_cast<double>(micros_) * factor))));
  }
  if (reflected || (op != "/" && op != "//")) return Item();
  if (factor == 0) return MakeError("ZeroDivisionError", "integer division or modulo by zero");
  if (op == "//") return whole ? Item(Delta(FloorDiv(micros_, other.as_int()))) : Item();
  return Item(Delta(static_cast<int64_t>(std::nearbyint(static_cast<double>(micros_) / factor))));
}

// ---- dates and times

std::string_view Moment::TypeName() const {
  return kind_ == Kind::kDate   ? "datetime.date"
         : kind_ == Kind::kTime ? "datetime.time"
                                : "datetime.datetime";
}

std::string Moment::IsoFormat(std::string_view separator, std::string_view timespec) const {
  std::string out;
  if (kind_ != Kind::kTime) {
    int64_t y, m, d;
    CivilOf(days_, &y, &m, &d);
    std::string year = std::to_string(y);
    out =
        std::string(4 - std::min<size_t>(4, year.size()), '0') + year + "-" + Two(m) + "-" + Two(d);
    if (kind_ == Kind::kDate) return out;
    out += separator;
  }
  int64_t s = micros_ / kSecond, rest = micros_ % kSecond;
  out += Two(s / 3600);
  if (timespec != "hours") out += ":" + Two(s / 60 % 60);
  if (timespec != "hours" && timespec != "minutes") out += ":" + Two(s % 60);
  if (timespec == "milliseconds") {
    out += "." + Six(rest).substr(0, 3);
  } else if (timespec == "microseconds" || (timespec == "auto" && rest)) {
    out += "." + Six(rest);
  }
  return tz_ ? out + OffsetText(tz_->offset_s(), true) : out;
}

std::string Moment::Repr() const {
  std::string out(TypeName());
  out += "(";
  int64_t y, m, d, s = micros_ / kSecond;
  CivilOf(days_, &y, &m, &d);
  if (kind_ != Kind::kTime)
    out += std::to_string(y) + ", " + std::to_string(m) + ", " + std::to_string(d);
  if (kind_ != Kind::kDate) {
    out += (kind_ == Kind::kTime ? "" : ", ") + std::to_string(s / 3600) + ", " +
           std::to_string(s / 60 % 60);
    if (s % 60 || micros_ % kSecond) out += ", " + std::to_string(s % 60);
    if (micros_ % kSecond) out += ", " + std::to_string(micros_ % kSecond);
    if (tz_) out += ", tzinfo=" + tz_->Repr();
  }
  return out + ")";
}

std::string Moment::Format(std::string_view format) const {
  std::string plain;
  for (size_t i = 0; i < format.size(); ++i) {
    char next = i + 1 < format.size() ? format[i + 1] : '\0';
    if (format[i] != '%' || (next != 'f' && next != 'z' && next != 'Z' && next != '%')) {
      plain += format[i];
      continue;
    }
    ++i;
    if (next == 'f') plain += Six(micros_ % kSecond);
    if (next == 'z' && tz_) plain += OffsetText(tz_->offset_s(), false);
    if (next == 'Z' && tz_) plain += tz_->abbreviation();
    if (next == '%') plain += "%%";
  }
  struct tm tm {};
  int64_t y, m, d, s = micros_ / kSecond;
  CivilOf(kind_ == Kind::kTime ? DaysOf(1900, 1, 1) : days_, &y, &m, &d);
  tm.tm_year = static_cast<int>(y - 1900);
  tm.tm_mon = static_cast<int>(m - 1);
  tm.tm_mday = static_cast<int>(d);
  tm.tm_hour = static_cast<int>(s / 3600);
  tm.tm_min = static_cast<int>(s / 60 % 60);
  tm.tm_sec = static_cast<int>(s % 60);
  int64_t days = DaysOf(y, m, d);
  tm.tm_wday = static_cast<int>(((days + 4) % 7 + 7) % 7);
  tm.tm_yday = static_cast<int>(days - DaysOf(y, 1, 1));
  tm.tm_isdst = -1;
  if (plain.empty()) return "";
  plain += '\x01';  // so that an empty result can be told from a full buffer
  // The names of days and months are English, whatever the process' locale is.
  static const locale_t kNames = newlocale(LC_ALL_MASK, "C", nullptr);
  std::string out(256, '\0');
  for (;;) {
    size_t n = strftime_l(out.data(), out.size(), plain.c_str(), &tm, kNames);
    if (n > 0) {
      out.resize(n - 1);
      return out;
    }
    if (out.size() > (4u << 20)) return "";
    out.resize(out.size() * 2);
  }
}

int64_t Moment::utc_micros() const {
  return days_ * kDay + micros_ - (tz_ ? tz_->offset_s() * kSecond : 0);
}

bool Moment::Equals(const Value& other) const {
  auto* m = other.As<Moment>();
  if (!m || m->kind_ != kind_) return false;
  if (static_cast<bool>(tz_) != static_cast<bool>(m->tz_)) return false;
  return utc_micros() == m->utc_micros();
}

Result<uint64_t> Moment::HashOf() const {
  return static_cast<uint64_t>(utc_micros()) * 3 + static_cast<uint64_t>(kind_);
}

Result<std::optional<bool>> Moment::LessThan(const Value& other) const {
  auto* m = other.As<Moment>();
  if (!m || m->kind_ != kind_) return std::optional<bool>();
  if (static_cast<bool>(tz_) != static_cast<bool>(m->tz_)) {
    return TypeError("can't compare offset-naive and offset-aware datetimes");
  }
  return std::optional<bool>(utc_micros() < m->utc_micros());
}

Result<Item> Moment::Arithmetic(std::string_view op, const Value& other, bool reflected) const {
  if (op == "format") return Item(Value(Format(other.str())));
  if (kind_ == Kind::kTime) return Item();
  if (auto* delta = other.As<TimeDelta>()) {
    bool minus = op == "-";
    if ((!minus && op != "+") || (minus && reflected)) return Item();
    int64_t by = minus ? -delta->micros() : delta->micros();
    if (kind_ == Kind::kDate) {
      int64_t days = days_ + (minus ? -1 : 1) * FloorDiv(delta->micros(), kDay);
      if (days < DaysOf(1, 1, 1) || days > DaysOf(9999, 12, 31)) {
        return MakeError("OverflowError", "date value out of range");
      }
      return Item(Value(Ref<Object>(new Moment(Kind::kDate, days, 0))));
    }
    TARN_ASSIGN_OR_RETURN(Value v, MakeDatetime(days_, micros_ + by, tz_));
    return Item(v);
  }
  auto* m = other.As<Moment>();
  if (!m || m->kind_ != kind_ || op != "-") return Item();
  if (static_cast<bool>(tz_) != static_cast<bool>(m->tz_)) {
    return TypeError("can't subtract offset-naive and offset-aware datetimes");
  }
  int64_t difference = utc_micros() - m->utc_micros();
  return Item(Delta(reflected ? -difference : difference));
}

}  // namespace tarn::jinja
