// modules.datetime: the classes, and the methods of what they make.
#include <chrono>
#include <cmath>
#include <ctime>

#include "jinja/error.h"
#include "jinja/module_object.h"
#include "jinja/modules.h"
#include "jinja/number.h"
#include "jinja/session.h"
#include "jinja/time_values.h"

namespace tarn::jinja {
namespace {

using Item = std::optional<Value>;
using MomentKind = Moment::Kind;
constexpr int64_t kSecond = 1'000'000, kDay = 86400 * kSecond;

// A class: callable, with functions of its own.
class ClassObject : public ModuleNamespace {
 public:
  ClassObject(std::string name, HostFunction make)
      : ModuleNamespace(name), name_(name), make_(std::move(make)) {}
  std::string_view TypeName() const override { return "type"; }
  bool Callable() const override { return true; }
  Result<Value> Call(CallArgs& args) override { return make_(args); }
  std::string Repr() const override { return "<class 'datetime." + name_ + "'>"; }

 private:
  std::string name_;
  HostFunction make_;
};

int64_t NowMicros() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int64_t LocalOffset(int64_t utc_s) {
  std::time_t t = utc_s;
  std::tm tm{};
  localtime_r(&t, &tm);
  return tm.tm_gmtoff;
}

Result<Ref<TzInfo>> TzArg(const Value& v) {
  if (v.is_none()) return Ref<TzInfo>();
  if (auto* tz = v.As<TzInfo>()) return Ref<TzInfo>(tz);
  return TypeError("tzinfo argument must be None or of a tzinfo subclass, not type '" +
                   std::string(v.TypeName()) + "'");
}

Result<Value> AtUtc(int64_t micros, const Ref<TzInfo>& tz) {
  Ref<TzInfo> here = tz && tz->zone() ? tz->zone()->AtUtc(micros / kSecond) : tz;
  int64_t offset = here ? here->offset_s() : LocalOffset(micros / kSecond);
  return MakeDatetime(0, micros + offset * kSecond, here);
}

Result<int64_t> IntArg(const CallArgs& a, size_t i, std::string_view name, int64_t fallback) {
  Value v = a.Get(i, name, Value(fallback));
  if (v.kind() == Kind::kInt || v.is_bool()) return v.as_int();
  if (v.is_undefined()) return UndefinedError(v.undefined_message());
  return TypeError("'" + std::string(v.TypeName()) +
                   "' object cannot be interpreted as an integer");
}

Result<int64_t> DateOf(int64_t y, int64_t m, int64_t d) {
  if (y < 1 || y > 9999) return ValueError("year " + std::to_string(y) + " is out of range");
  if (m < 1 || m > 12) return ValueError("month must be in 1..12");
  if (d < 1 || d > DaysInMonth(y, m)) return ValueError("day is out of range for month");
  return DaysOf(y, m, d);
}

Result<int64_t> TimeOf(int64_t h, int64_t m, int64_t s, int64_t us) {
  if (h < 0 || h > 23) return ValueError("hour must be in 0..23");
  if (m < 0 || m > 59) return ValueError("minute must be in 0..59");
  if (s < 0 || s > 59) return ValueError("second must be in 0..59");
  if (us < 0 || us > 999999) return ValueError("microsecond must be in 0..999999");
  return ((h * 60 + m) * 60 + s) * kSecond + us;
}

Value DateValue(int64_t days) { return Value(Ref<Object>(new Moment(MomentKind::kDate, days, 0))); }
Value TimeValue(int64_t micros, Ref<TzInfo> tz) {
  return Value(Ref<Object>(new Moment(MomentKind::kTime, 0, micros, std::move(tz))));
}

struct Parts {
  int64_t year, month, day, hour, minute, second, micro;
  Ref<TzInfo> tz;
};

Parts PartsOf(const Moment& m) {
  Parts p{};
  CivilOf(m.days(), &p.year, &p.month, &p.day);
  int64_t s = m.micros() / kSecond;
  p.hour = s / 3600;
  p.minute = s / 60 % 60;
  p.second = s % 60;
  p.micro = m.micros() % kSecond;
  p.tz = m.tz();
  return p;
}

Result<Value> FromParts(const Parts& p, MomentKind kind) {
  int64_t days = 0, micros = 0;
  if (kind != MomentKind::kTime) {
    TARN_ASSIGN_OR_RETURN(days, DateOf(p.year, p.month, p.day));
  }
  if (kind == MomentKind::kDate) return DateValue(days);
  TARN_ASSIGN_OR_RETURN(micros, TimeOf(p.hour, p.minute, p.second, p.micro));
  if (kind == MomentKind::kTime) return TimeValue(micros, p.tz);
  return MakeDatetime(days, micros, p.tz);
}

// Reads year, month, ... by position (from `first`) or by name; what is not given stays.
Status ReadParts(const CallArgs& a, MomentKind kind, Parts* p, bool required) {
  static const std::vector<std::string_view> kDate = {"year", "month", "day"};
  static const std::vector<std::string_view> kTime = {"hour", "minute", "second", "microsecond",
                                                      "tzinfo"};
  std::vector<std::string_view> names;
  if (kind != MomentKind::kTime) names = kDate;
  if (kind != MomentKind::kDate) names.insert(names.end(), kTime.begin(), kTime.end());
  std::vector<std::string_view> allowed = names;
  allowed.push_back("fold");
  TARN_RETURN_IF_ERROR(a.Check("function", allowed, required && kind != MomentKind::kTime ? 3 : 0));
  int64_t* fields[] = {&p->year, &p->month, &p->day, &p->hour, &p->minute, &p->second, &p->micro};
  size_t offset = kind == MomentKind::kTime ? 3 : 0;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == "tzinfo") {
      if (const Value* v = a.Find(i, "tzinfo")) {
        TARN_ASSIGN_OR_RETURN(p->tz, TzArg(*v));
      }
      continue;
    }
    TARN_ASSIGN_OR_RETURN(*fields[i + offset], IntArg(a, i, names[i], *fields[i + offset]));
  }
  return Status::Ok();
}

HostFunction Constructor(MomentKind kind) {
  return [kind](CallArgs& a) -> Result<Value> {
    Parts p{};
    TARN_RETURN_IF_ERROR(ReadParts(a, kind, &p, true));
    return FromParts(p, kind);
  };
}

Result<Value> MakeTimeDelta(CallArgs& a) {
  static const std::vector<std::string_view> kNames = {
      "days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"};
  static constexpr int64_t kUnits[] = {kDay,         kSecond,        1,       1000,
                                       60 * kSecond, 3600 * kSecond, 7 * kDay};
  TARN_RETURN_IF_ERROR(a.Check("timedelta", kNames));
  __int128 whole = 0;
  double part = 0;
  for (size_t i = 0; i < kNames.size(); ++i) {
    Value v = a.Get(i, kNames[i], Value(0));
    if (v.is_undefined()) return UndefinedError(v.undefined_message());
    if (v.kind() == Kind::kFloat) {
      if (!std::isfinite(v.as_float())) return ValueError("cannot convert float NaN to integer");
      double n = std::trunc(v.as_float());
      if (std::fabs(n) > 1e15)
        return MakeError("OverflowError", "days out of range for a timedelta");
      whole += static_cast<__int128>(n) * kUnits[i];
      part += (v.as_float() - n) * static_cast<double>(kUnits[i]);
    } else if (v.kind() == Kind::kInt || v.is_bool()) {
      whole += static_cast<__int128>(v.as_int()) * kUnits[i];
    } else {
      return TypeError("unsupported type for timedelta " + std::string(kNames[i]) +
                       " component: " + std::string(v.TypeName()));
    }
  }
  whole += static_cast<int64_t>(std::nearbyint(part));
  constexpr __int128 kMost =
      static_cast<__int128>(36'524) * 2920 * kDay;  // a little over 100 million days
  if (whole > kMost || whole < -kMost)
    return MakeError("OverflowError", "days out of range for a timedelta");
  return Value(Ref<Object>(new TimeDelta(static_cast<int64_t>(whole))));
}

HostFunction IsoReader(MomentKind kind) {
  return [kind](CallArgs& a) -> Result<Value> {
    TARN_RETURN_IF_ERROR(a.Check("fromisoformat", {"date_string"}, 1));
    if (!a.positional.empty() && a.positional[0].is_string())
      return ParseIso(a.positional[0].str(), kind);
    return TypeError("fromisoformat: argument must be str");
  };
}

Result<Value> Combine(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("combine", {"date", "time", "tzinfo"}, 2));
  auto* date = a.Get(0, "date").As<Moment>();
  auto* time = a.Get(1, "time").As<Moment>();
  if (!date || date->kind() == MomentKind::kTime || !time || time->kind() != MomentKind::kTime) {
    return TypeError("combine() takes a date and a time");
  }
  Ref<TzInfo> tz = time->tz();
  if (const Value* v = a.Find(2, "tzinfo")) {
    TARN_ASSIGN_OR_RETURN(tz, TzArg(*v));
  }
  return MakeDatetime(date->days(), time->micros(), tz);
}

Result<Value> FromTimestamp(CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("fromtimestamp", {"timestamp", "tz"}, 1));
  Value v = a.Get(0, "timestamp");
  if (!v.is_number()) return TypeError("fromtimestamp() takes a number");
  TARN_ASSIGN_OR_RETURN(double s, ToDouble(v));
  if (!(std::fabs(s) < 1e12)) return ValueError("year is out of range");
  TARN_ASSIGN_OR_RETURN(Ref<TzInfo> tz, TzArg(a.Get(1, "tz")));
  return AtUtc(static_cast<int64_t>(std::nearbyint(s * 1e6)), tz);
}

Value DatetimeClass() {
  auto c = MakeRef<ClassObject>("datetime", Constructor(MomentKind::kDatetime));
  c->AddFunction("now", [](CallArgs& a) -> Result<Value> {
    TARN_RETURN_IF_ERROR(a.Check("now", {"tz"}));
    TARN_ASSIGN_OR_RETURN(Ref<TzInfo> tz, TzArg(a.Get(0, "tz")));
    return AtUtc(NowMicros(), tz);
  });
  c->AddFunction("today", [](CallArgs&) { return AtUtc(NowMicros(), {}); });
  c->AddFunction("utcnow", [](CallArgs&) { return MakeDatetime(0, NowMicros(), {}); });
  c->AddFunction("strptime", [](CallArgs& a) -> Result<Value> {
    TARN_RETURN_IF_ERROR(a.Check("strptime", {"date_string", "format"}, 2));
    if (a.positional.size() < 2 || !a.positional[0].is_string() || !a.positional[1].is_string()) {
      return TypeError("strptime() argument 1 must be str");
    }
    return ParseTime(a.positional[0].str(), a.positional[1].str());
  });
  c->AddFunction("fromisoformat", IsoReader(MomentKind::kDatetime));
  c->AddFunction("fromtimestamp", FromTimestamp);
  c->AddFunction("combine", Combine);
  c->Add("min", Value(Ref<Object>(new Moment(MomentKind::kDatetime, DaysOf(1, 1, 1), 0))));
  c->Add("max",
         Value(Ref<Object>(new Moment(MomentKind::kDatetime, DaysOf(9999, 12, 31), kDay - 1))));
  return Value(c);
}

Value DateClass() {
  auto c = MakeRef<ClassObject>("date", Constructor(MomentKind::kDate));
  c->AddFunction("today", [](CallArgs&) -> Result<Value> {
    TARN_ASSIGN_OR_RETURN(Value now, AtUtc(NowMicros(), {}));
    return DateValue(now.As<Moment>()->days());
  });
  c->AddFunction("fromisoformat", IsoReader(MomentKind::kDate));
  c->Add("min", DateValue(DaysOf(1, 1, 1)));
  c->Add("max", DateValue(DaysOf(9999, 12, 31)));
  return Value(c);
}

// ---- methods

using MomentMethod = Result<Value> (*)(const Moment& m, CallArgs& a);

Result<Value> StrfTime(const Moment& m, CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("strftime", {"format"}, 1));
  Value format = a.Get(0, "format");
  if (!format.is_string())
    return TypeError("strftime() argument 1 must be str, not " + std::string(format.TypeName()));
  return Value(m.Format(format.str()));
}

Result<Value> Iso(const Moment& m, CallArgs& a) {
  bool time = m.kind() == MomentKind::kTime;
  if (m.kind() == MomentKind::kDate) TARN_RETURN_IF_ERROR(a.Check("isoformat", {}));
  Value separator = time ? Value("T") : a.Get(0, "sep", Value("T"));
  Value spec = a.Get(time ? 0 : 1, "timespec", Value("auto"));
  return Value(m.IsoFormat(separator.Str(), spec.Str()));
}

Result<Value> Replace(const Moment& m, CallArgs& a) {
  Parts p = PartsOf(m);
  TARN_RETURN_IF_ERROR(ReadParts(a, m.kind(), &p, false));
  return FromParts(p, m.kind());
}

Result<Value> Weekday(const Moment& m, CallArgs&) { return Value(((m.days() + 3) % 7 + 7) % 7); }
Result<Value> IsoWeekday(const Moment& m, CallArgs&) {
  return Value(((m.days() + 3) % 7 + 7) % 7 + 1);
}
Result<Value> ToOrdinal(const Moment& m, CallArgs&) {
  return Value(m.days() - DaysOf(1, 1, 1) + 1);
}

Result<Value> IsoCalendar(const Moment& m, CallArgs&) {
  int64_t weekday = ((m.days() + 3) % 7 + 7) % 7, thursday = m.days() - weekday + 3, y, month, day;
  CivilOf(thursday, &y, &month, &day);
  return Value::Tuple({Value(y), Value((thursday - DaysOf(y, 1, 1)) / 7 + 1), Value(weekday + 1)});
}

Result<Value> Timestamp(const Moment& m, CallArgs&) {
  int64_t offset = m.tz() ? m.tz()->offset_s() : LocalOffset(m.local_s());
  return Value(static_cast<double>(m.days() * kDay + m.micros() - offset * kSecond) / 1e6);
}

Result<Value> AsTimeZone(const Moment& m, CallArgs& a) {
  TARN_RETURN_IF_ERROR(a.Check("astimezone", {"tz"}));
  TARN_ASSIGN_OR_RETURN(Ref<TzInfo> tz, TzArg(a.Get(0, "tz")));
  int64_t offset = m.tz() ? m.tz()->offset_s() : LocalOffset(m.local_s());
  return AtUtc(m.days() * kDay + m.micros() - offset * kSecond, tz);
}

Result<Value> DatePart(const Moment& m, CallArgs&) { return DateValue(m.days()); }
Result<Value> TimePart(const Moment& m, CallArgs&) { return TimeValue(m.micros(), {}); }
Result<Value> TimeTzPart(const Moment& m, CallArgs&) { return TimeValue(m.micros(), m.tz()); }
Result<Value> UtcOffset(const Moment& m, CallArgs&) {
  return m.tz() ? Value(Ref<Object>(new TimeDelta(m.tz()->offset_s() * kSecond))) : Value::None();
}
Result<Value> TzName(const Moment& m, CallArgs&) {
  return m.tz() ? Value(m.tz()->abbreviation()) : Value::None();
}

MomentMethod FindMomentMethod(MomentKind kind, std::string_view name) {
  static constexpr struct {
    std::string_view name;
    MomentMethod method;
    bool date, time, datetime;
  } kMethods[] = {
      {"strftime", StrfTime, true, true, true},        {"isoformat", Iso, true, true, true},
      {"replace", Replace, true, true, true},          {"weekday", Weekday, true, false, true},
      {"isoweekday", IsoWeekday, true, false, true},   {"toordinal", ToOrdinal, true, false, true},
      {"isocalendar", IsoCalendar, true, false, true}, {"timestamp", Timestamp, false, false, true},
      {"astimezone", AsTimeZone, false, false, true},  {"date", DatePart, false, false, true},
      {"time", TimePart, false, false, true},          {"timetz", TimeTzPart, false, false, true},
      {"utcoffset", UtcOffset, false, true, true},     {"tzname", TzName, false, true, true},
  };
  for (const auto& m : kMethods) {
    bool has = kind == MomentKind::kDate ? m.date : kind == MomentKind::kTime ? m.time : m.datetime;
    if (has && m.name == name) return m.method;
  }
  return nullptr;
}

}  // namespace

Result<Item> Moment::GetAttr(Session&, std::string_view name) {
  Parts p = PartsOf(*this);
  if (kind_ != MomentKind::kTime) {
    if (name == "year") return Item(Value(p.year));
    if (name == "month") return Item(Value(p.month));
    if (name == "day") return Item(Value(p.day));
  }
  if (kind_ != MomentKind::kDate) {
    if (name == "hour") return Item(Value(p.hour));
    if (name == "minute") return Item(Value(p.minute));
    if (name == "second") return Item(Value(p.second));
    if (name == "microsecond") return Item(Value(p.micro));
    if (name == "tzinfo") return Item(tz_ ? Value(tz_) : Value::None());
  }
  MomentMethod method = FindMomentMethod(kind_, name);
  if (!method) return Item();
  Ref<Moment> self(this);
  return Item(
      MakeFunction(std::string(name), [self, method](CallArgs& a) { return method(*self, a); }));
}

Value MakeDatetimeModule() {
  auto module = MakeRef<ModuleNamespace>("datetime");
  module->Add("datetime", DatetimeClass());
  module->Add("date", DateClass());
  auto time = MakeRef<ClassObject>("time", Constructor(MomentKind::kTime));
  time->AddFunction("fromisoformat", IsoReader(MomentKind::kTime));
  time->Add("min", TimeValue(0, {}));
  time->Add("max", TimeValue(kDay - 1, {}));
  module->Add("time", Value(time));
  module->Add("timedelta", Value(MakeRef<ClassObject>("timedelta", MakeTimeDelta)));
  auto zone = MakeRef<ClassObject>("timezone", [](CallArgs& a) -> Result<Value> {
    TARN_RETURN_IF_ERROR(a.Check("timezone", {"offset", "name"}, 1));
    auto* offset = a.Get(0, "offset").As<TimeDelta>();
    if (!offset) return TypeError("timezone() argument 1 must be datetime.timedelta");
    int64_t s = offset->micros() / kSecond;
    std::string name = s == 0 ? "UTC"
                              : "UTC" + Moment(MomentKind::kTime, 0, 0, MakeRef<TzInfo>("", s, ""))
                                            .IsoFormat("")
                                            .substr(8);
    if (const Value* given = a.Find(1, "name")) name = given->Str();
    return Value(MakeRef<TzInfo>(name, s, name));
  });
  zone->Add("utc", Value(UtcZone()));
  module->Add("timezone", Value(zone));
  module->Add("UTC", Value(UtcZone()));
  return Value(module);
}

}  // namespace tarn::jinja
