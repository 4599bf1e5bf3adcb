// Timestamps: truncation, patterns, zones, unix times, differences.
#include "dialect/function_families.h"
#include "dialect/function_interval.h"
#include "dialect/function_moment.h"
#include "dialect/function_text.h"
#include "dialect/function_types.h"
#include "duckdb/common/types/hugeint.hpp"

namespace tarn::dialect {

using namespace duckdb;

namespace {

const LogicalType kInstant = LogicalType::TIMESTAMP_TZ;
const LogicalType kLocal = LogicalType::TIMESTAMP;
const LogicalType kText = LogicalType::VARCHAR;
const LogicalType kLong = LogicalType::BIGINT;
const LogicalType kInt = LogicalType::INTEGER;
const LogicalType kDate = LogicalType::DATE;
constexpr int64_t kHour = 3600 * kMicrosPerSecond;
constexpr int64_t kMinute = 60 * kMicrosPerSecond;
constexpr const char* kDefaultPattern = "yyyy-MM-dd HH:mm:ss";

Exprs One(Expr value) {
  Exprs args;
  args.push_back(std::move(value));
  return args;
}

// Local time cut to a unit; false for a unit nobody knows.
bool TruncateLocal(const std::string& unit, int64_t& local) {
  const int64_t day = FloorDiv(local, kMicrosPerDay);
  const auto civil = CivilOf(day);
  auto start = [&](int64_t days) { local = days * kMicrosPerDay; };
  auto cut = [&](int64_t size) { local = FloorDiv(local, size) * size; };
  if (unit == "YEAR" || unit == "YYYY" || unit == "YY") {
    start(*DaysOf(civil.year, 1, 1));
  } else if (unit == "QUARTER") {
    start(*DaysOf(civil.year, (civil.month - 1) / 3 * 3 + 1, 1));
  } else if (unit == "MONTH" || unit == "MM" || unit == "MON") {
    start(*DaysOf(civil.year, civil.month, 1));
  } else if (unit == "WEEK") {
    start(day - ((day + 3) % 7 + 7) % 7);
  } else if (unit == "DAY" || unit == "DD") {
    start(day);
  } else if (unit == "HOUR") {
    cut(kHour);
  } else if (unit == "MINUTE") {
    cut(kMinute);
  } else if (unit == "SECOND") {
    cut(kMicrosPerSecond);
  } else if (unit == "MILLISECOND") {
    cut(1000);
  } else if (unit != "MICROSECOND") {
    return false;
  }
  return true;
}

void DateTrunc(ClientContext&, const Zone& zone, RowIn& in, RowOut& out) {
  int64_t local = zone.ToLocal(in.Get<int64_t>(1));
  if (!TruncateLocal(StringUtil::Upper(std::string(in.Text(0))), local)) return out.Null();
  out.Set<int64_t>(zone.ToInstant(local));
}

// hour, minute, second of an instant on the session's clock.
template <int64_t UNIT, int64_t MODULO>
void ClockPart(ClientContext&, const Zone& zone, RowIn& in, RowOut& out) {
  const int64_t local = zone.ToLocal(in.Get<int64_t>(0));
  out.Set<int32_t>(static_cast<int32_t>((local - FloorDiv(local, kMicrosPerDay) * kMicrosPerDay) /
                                        UNIT % MODULO));
}

Expr BindClockPart(FunctionCall& call, const char* name, const LogicalType& type,
                   scalar_function_t function) {
  if (call.Id(0) == LogicalTypeId::TIMESTAMP) {
    // A local time reads the same on every clock: take it as UTC.
    auto part = call.Sql(std::string("CAST(date_part('") +
                             (std::string(name) == "seconds_part" ? "microsecond" : name) +
                             "', $1) AS INTEGER)",
                         call.Take(0));
    return std::string(name) == "seconds_part"
               ? call.Sql("CAST(CAST($1 AS DECIMAL(10,0)) * 0.000001 AS DECIMAL(8,6))",
                          std::move(part))
               : std::move(part);
  }
  return Native(name, type, std::move(function), One(call.Cast(call.Take(0), kInstant)));
}

void DateFormat(ClientContext&, const Zone& zone, RowIn& in, RowOut& out) {
  const auto instant = in.Get<int64_t>(0);
  const auto offset = zone.OffsetAt(instant);
  out.Text(CompileTimePattern(in.Text(1))->Format(instant + offset, offset, zone, instant));
}

// The instant a text names under a pattern; nothing when it does not match.
std::optional<int64_t> ParseInstant(ClientContext& context, const Zone& zone, std::string_view text,
                                    std::string_view pattern) {
  auto parsed = CompileTimePattern(pattern)->Parse(text);
  if (!parsed) return std::nullopt;
  if (parsed->zone.empty()) return zone.ToInstant(parsed->local);
  auto own = TryFindZone(context, parsed->zone);
  if (!own) return std::nullopt;
  return own->ToInstant(parsed->local);
}

[[noreturn]] void CannotParse(std::string_view text, std::string_view pattern) {
  throw InvalidInputException(
      "CANNOT_PARSE_TIMESTAMP: '%s' does not match the pattern '%s'; use try_to_timestamp to "
      "get NULL",
      std::string(text.substr(0, 100)), std::string(pattern));
}

int64_t RequireInstant(ClientContext& context, const Zone& zone, RowIn& in) {
  auto instant = ParseInstant(context, zone, in.Text(0), in.Text(1));
  if (!instant) CannotParse(in.Text(0), in.Text(1));
  return *instant;
}

Expr ParsePattern(FunctionCall& call, const LogicalType& type) {
  Exprs args;
  args.push_back(call.Text(call.Take(0)));
  args.push_back(call.Text(call.Take(1)));
  const auto id = type.id();
  auto each = [id](ClientContext& context, const Zone& zone, RowIn& in, RowOut& out) {
    if (id == LogicalTypeId::TIMESTAMP_TZ)
      return out.Set<int64_t>(RequireInstant(context, zone, in));
    if (id == LogicalTypeId::TIMESTAMP) {
      auto parsed = CompileTimePattern(in.Text(1))->Parse(in.Text(0));
      if (!parsed) CannotParse(in.Text(0), in.Text(1));
      return out.Set<int64_t>(parsed->local);
    }
    const auto local = zone.ToLocal(RequireInstant(context, zone, in));
    out.Set<int32_t>(static_cast<int32_t>(FloorDiv(local, kMicrosPerDay)));
  };
  return Native("parse_" + SparkTypeName(type), type, EachRowWithZone(each), std::move(args));
}

template <LogicalTypeId TYPE>
Expr BindParse(FunctionCall& call) {
  const LogicalType type(TYPE);
  if (call.Count() == 1) return call.Cast(call.Take(0), type);
  if (!IsText(call.Type(0)) && !call.IsNull(0)) return call.Cast(call.Take(0), type);
  return ParsePattern(call, type);
}

Expr BindUnixTimestamp(FunctionCall& call) {
  if (call.Count() == 0) return call.Sql("CAST(floor(epoch(now())) AS BIGINT)");
  Expr instant;
  if (IsText(call.Type(0)) || call.IsNull(0)) {
    Exprs args;
    args.push_back(call.Text(call.Take(0)));
    args.push_back(call.Count() > 1 ? call.Text(call.Take(1)) : Literal(Value(kDefaultPattern)));
    instant = Native(
        "parse_timestamp", kInstant,
        EachRowWithZone([](ClientContext& context, const Zone& zone, RowIn& in, RowOut& out) {
          out.Set<int64_t>(RequireInstant(context, zone, in));
        }),
        std::move(args));
  } else {
    // A local time counts as if it were UTC.
    instant = call.Id(0) == LogicalTypeId::TIMESTAMP
                  ? call.Sql("make_timestamptz(epoch_us($1))", call.Take(0))
                  : call.Cast(call.Take(0), kInstant);
  }
  // Towards zero, unlike the cast.
  return Native("unix_timestamp", kLong, EachRow([](RowIn& in, RowOut& out) {
                  out.Set<int64_t>(in.Get<int64_t>(0) / kMicrosPerSecond);
                }),
                One(std::move(instant)));
}

Expr BindFromUnixTime(FunctionCall& call) {
  Exprs args;
  args.push_back(call.Cast(call.Take(0), kLong));
  args.push_back(call.Count() > 1 ? call.Text(call.Take(1)) : Literal(Value(kDefaultPattern)));
  return Native(
      "from_unixtime", kText,
      EachRowWithZone([](ClientContext&, const Zone& zone, RowIn& in, RowOut& out) {
        const auto instant = in.Get<int64_t>(0) * kMicrosPerSecond;
        const auto offset = zone.OffsetAt(instant);
        out.Text(CompileTimePattern(in.Text(1))->Format(instant + offset, offset, zone, instant));
      }),
      std::move(args));
}

// Shifts the clock: the instant whose UTC reading is this instant's reading in the zone, and back.
template <bool FROM_UTC>
void ShiftZone(ClientContext& context, const Zone& session, RowIn& in, RowOut& out) {
  (void)session;
  auto zone = FindZone(context, in.Text(1));
  const auto instant = in.Get<int64_t>(0);
  out.Set<int64_t>(FROM_UTC ? zone->ToLocal(instant) : zone->ToInstant(instant));
}

void ConvertZone(ClientContext& context, const Zone& session, RowIn& in, RowOut& out) {
  (void)session;
  const auto instant = FindZone(context, in.Text(0))->ToInstant(in.Get<int64_t>(2));
  out.Set<int64_t>(FindZone(context, in.Text(1))->ToLocal(instant));
}

void MakeTimestamp(ClientContext& context, const Zone& session, RowIn& in, RowOut& out) {
  auto day = DaysOf(in.Get<int32_t>(0), in.Get<int32_t>(1), in.Get<int32_t>(2));
  const auto hour = in.Get<int32_t>(3), minute = in.Get<int32_t>(4);
  const auto micros = in.Get<int64_t>(5);  // DECIMAL(16,6)
  if (!day || hour < 0 || hour > 23 || minute < 0 || minute > 59 || micros < 0 ||
      micros > 60 * kMicrosPerSecond) {
    throw InvalidInputException(
        "DATETIME_FIELD_OUT_OF_BOUNDS: make_timestamp: there is no such time");
  }
  const int64_t local = *day * kMicrosPerDay + hour * kHour + minute * kMinute + micros;
  if (in.Columns() < 7) return out.Set<int64_t>(session.ToInstant(local));
  out.Set<int64_t>(FindZone(context, in.Text(6))->ToInstant(local));
}

struct Unit {
  int64_t months = 0;
  int64_t days = 0;
  int64_t micros = 0;
};

Unit UnitOf(FunctionCall& call, idx_t i) {
  Value value;
  if (!call.Constant(i, value) || value.IsNull())
    call.Refuse("the unit must be a name such as DAY");
  const auto name = StringUtil::Upper(value.ToString());
  if (name == "YEAR") return {12, 0, 0};
  if (name == "QUARTER") return {3, 0, 0};
  if (name == "MONTH") return {1, 0, 0};
  if (name == "WEEK") return {0, 7, 0};
  if (name == "DAY" || name == "DAYOFYEAR") return {0, 1, 0};
  if (name == "HOUR") return {0, 0, kHour};
  if (name == "MINUTE") return {0, 0, kMinute};
  if (name == "SECOND") return {0, 0, kMicrosPerSecond};
  if (name == "MILLISECOND") return {0, 0, 1000};
  if (name == "MICROSECOND") return {0, 0, 1};
  call.Refuse("'" + name + "' is no unit of time");
}

Expr BindTimestampAdd(FunctionCall& call) {
  if (call.Count() == 2) return call.Call("spark_date_add", call.Take(0), call.Take(1));
  const auto unit = UnitOf(call, 0);
  const auto type = call.Id(2) == LogicalTypeId::TIMESTAMP ? kLocal : kInstant;
  const bool zoned = type == kInstant;
  Exprs args;
  args.push_back(call.Cast(call.Take(1), kLong));
  args.push_back(call.Cast(call.Take(2), type));
  auto run = [unit, zoned](DataChunk& chunk, ExpressionState& state, Vector& result) {
    auto zone = zoned ? SessionZone(state.GetContext()) : FindZone(state.GetContext(), "UTC");
    RowLoop::Run(chunk, result, false, [&](RowIn& in, RowOut& out) {
      const auto n = in.Get<int64_t>(0);
      out.Set<int64_t>(
          AddToInstant(*zone, in.Get<int64_t>(1), n * unit.months, n * unit.days, n * unit.micros));
    });
  };
  const auto name = "timestampadd_" + std::to_string(unit.months) + "_" +
                    std::to_string(unit.days) + "_" + std::to_string(unit.micros);
  return Native(name, type, run, std::move(args));
}

// Whole units from one local time to another, towards zero.
int64_t UnitsBetween(const Unit& unit, int64_t from, int64_t to) {
  if (unit.micros) return (to - from) / unit.micros;
  if (unit.days) return (to - from) / (unit.days * kMicrosPerDay);
  const int64_t day1 = FloorDiv(from, kMicrosPerDay), day2 = FloorDiv(to, kMicrosPerDay);
  const auto a = CivilOf(day1), b = CivilOf(day2);
  int64_t months = (static_cast<int64_t>(b.year) - a.year) * 12 + b.month - a.month;
  const int64_t rest1 = a.day * kMicrosPerDay + (from - day1 * kMicrosPerDay);
  const int64_t rest2 = b.day * kMicrosPerDay + (to - day2 * kMicrosPerDay);
  if (months > 0 && rest2 < rest1) months--;
  if (months < 0 && rest2 > rest1) months++;
  return months / unit.months;
}

Expr BindTimestampDiff(FunctionCall& call) {
  if (call.Count() == 2) {
    auto end = call.Cast(call.Take(0), kDate);
    auto start = call.Cast(call.Take(1), kDate);
    return call.Sql("CAST($1 - $2 AS INTEGER)", std::move(end), std::move(start));
  }
  const auto unit = UnitOf(call, 0);
  Exprs args;
  args.push_back(call.Cast(call.Take(1), kInstant));
  args.push_back(call.Cast(call.Take(2), kInstant));
  const auto name = "timestampdiff_" + std::to_string(unit.months) + "_" +
                    std::to_string(unit.days) + "_" + std::to_string(unit.micros);
  return Native(name, kLong,
                EachRowWithZone([unit](ClientContext&, const Zone& zone, RowIn& in, RowOut& out) {
                  out.Set<int64_t>(UnitsBetween(unit, zone.ToLocal(in.Get<int64_t>(0)),
                                                zone.ToLocal(in.Get<int64_t>(1))));
                }),
                std::move(args));
}

template <int64_t UNIT>
void InstantIn(RowIn& in, RowOut& out) {
  out.Set<int64_t>(FloorDiv(in.Get<int64_t>(0), UNIT));
}

template <int64_t UNIT>
Expr BindUnix(FunctionCall& call) {
  if (call.Id(0) != LogicalTypeId::TIMESTAMP_TZ && !call.IsNull(0)) {
    call.Refuse("takes a timestamp, not " + SparkTypeName(call.Type(0)));
  }
  return Native("unix_" + std::to_string(UNIT), kLong, EachRow(InstantIn<UNIT>),
                One(call.Cast(call.Take(0), kInstant)));
}

template <int64_t UNIT>
void InstantFrom(RowIn& in, RowOut& out) {
  int64_t micros = 0;
  if (__builtin_mul_overflow(in.Get<int64_t>(0), UNIT, &micros)) {
    throw OutOfRangeException("ARITHMETIC_OVERFLOW: the timestamp is out of range");
  }
  out.Set<int64_t>(micros);
}

void RegisterUnixTimes(FunctionTable& table) {
  RegisterBinding(table, "unix_seconds", 1, 1, BindUnix<kMicrosPerSecond>);
  RegisterBinding(table, "unix_millis", 1, 1, BindUnix<1000>);
  RegisterBinding(table, "unix_micros", 1, 1, BindUnix<1>);
  RegisterNative(table, {"timestamp_millis", {kLong}, kInstant, EachRow(InstantFrom<1000>)});
  RegisterNative(table, {"timestamp_micros", {kLong}, kInstant, EachRow(InstantFrom<1>)});
  RegisterBinding(table, "timestamp_seconds", 1, 1,
                  [](FunctionCall& call) { return call.Cast(call.Take(0), kInstant); });
  for (auto name : {"unix_timestamp", "to_unix_timestamp"})
    RegisterBinding(table, name, 0, 2, BindUnixTimestamp);
  RegisterBinding(table, "from_unixtime", 1, 2, BindFromUnixTime);
}

void RegisterNow(FunctionTable& table) {
  for (auto name : {"current_timestamp", "now", "get_current_timestamp"}) {
    RegisterBinding(table, name, 0, 0,
                    [](FunctionCall& call) { return call.Call("get_current_timestamp", Exprs()); });
  }
  for (auto name : {"current_date", "curdate"}) {
    RegisterBinding(table, name, 0, 0, [](FunctionCall& call) {
      return call.Cast(call.Call("get_current_timestamp", Exprs()), kDate);
    });
  }
  RegisterBinding(table, "localtimestamp", 0, 0, [](FunctionCall& call) {
    return call.Cast(call.Call("get_current_timestamp", Exprs()), kLocal);
  });
  RegisterBinding(table, "current_timezone", 0, 0,
                  [](FunctionCall& call) { return Literal(Value(SessionZoneName(call.context))); });
}

}  // namespace

void RegisterTimestampFunctions(FunctionTable& table) {
  RegisterNative(table, {"date_trunc", {kText, kInstant}, kInstant, EachRowWithZone(DateTrunc)});
  RegisterBinding(table, "hour", 1, 1, [](FunctionCall& call) {
    return BindClockPart(call, "hour", kInt, EachRowWithZone(ClockPart<kHour, 24>));
  });
  RegisterBinding(table, "minute", 1, 1, [](FunctionCall& call) {
    return BindClockPart(call, "minute", kInt, EachRowWithZone(ClockPart<kMinute, 60>));
  });
  RegisterBinding(table, "second", 1, 1, [](FunctionCall& call) {
    return BindClockPart(call, "second", kInt, EachRowWithZone(ClockPart<kMicrosPerSecond, 60>));
  });
  RegisterBinding(table, "seconds_part", 1, 1, [](FunctionCall& call) {
    return BindClockPart(call, "seconds_part", LogicalType::DECIMAL(8, 6),
                         EachRowWithZone(ClockPart<1, kMinute>));
  });
  RegisterNative(table, {"date_format", {kInstant, kText}, kText, EachRowWithZone(DateFormat)});
  RegisterBinding(table, "to_date", 1, 2, BindParse<LogicalTypeId::DATE>);
  for (auto name : {"to_timestamp", "to_timestamp_ltz"})
    RegisterBinding(table, name, 1, 2, BindParse<LogicalTypeId::TIMESTAMP_TZ>);
  RegisterBinding(table, "to_timestamp_ntz", 1, 2, BindParse<LogicalTypeId::TIMESTAMP>);
  RegisterNative(
      table, {"from_utc_timestamp", {kInstant, kText}, kInstant, EachRowWithZone(ShiftZone<true>)});
  RegisterNative(
      table, {"to_utc_timestamp", {kInstant, kText}, kInstant, EachRowWithZone(ShiftZone<false>)});
  RegisterBinding(table, "convert_timezone", 2, 3, [](FunctionCall& call) {
    Exprs args;
    if (call.Count() == 2) args.push_back(Literal(Value(SessionZoneName(call.context))));
    for (idx_t i = 0; i + 1 < call.Count(); i++) args.push_back(call.Text(call.Take(i)));
    args.push_back(call.Cast(call.Take(call.Count() - 1), kLocal));
    return Native("convert_timezone", kLocal, EachRowWithZone(ConvertZone), std::move(args));
  });
  RegisterNative(table, {"make_timestamp",
                         {kInt, kInt, kInt, kInt, kInt, LogicalType::DECIMAL(16, 6), kText},
                         kInstant,
                         EachRowWithZone(MakeTimestamp),
                         6});
  RegisterBinding(table, "make_dt_interval", 0, 4, [](FunctionCall& call) {
    Exprs args;
    for (idx_t i = 0; i < 4; i++) {
      args.push_back(i < call.Count()
                         ? call.Cast(call.Take(i), i == 3 ? LogicalType::DECIMAL(18, 6) : kInt)
                         : Literal(i == 3 ? Value::DECIMAL(int64_t(0), 18, 6) : Value::INTEGER(0)));
    }
    return call.Sql(
        "to_microseconds(CAST($1 AS BIGINT) * 86400000000 + CAST($2 AS BIGINT) * 3600000000 + "
        "CAST($3 AS BIGINT) * 60000000 + CAST($4 * 1000000 AS BIGINT))",
        std::move(args));
  });
  for (auto name : {"timestampadd", "dateadd"})
    RegisterBinding(table, name, 2, 3, BindTimestampAdd);
  for (auto name : {"timestampdiff", "datediff", "date_diff"})
    RegisterBinding(table, name, 2, 3, BindTimestampDiff);
  RegisterUnixTimes(table);
  RegisterNow(table);
}

}  // namespace tarn::dialect
