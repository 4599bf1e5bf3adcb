// Dates: arithmetic, parts, truncation.
#include <cmath>

#include "dialect/function_families.h"
#include "dialect/function_interval.h"
#include "dialect/function_moment.h"
#include "dialect/function_text.h"
#include "dialect/function_types.h"

namespace tarn::dialect {

using namespace duckdb;

namespace {

const LogicalType kDate = LogicalType::DATE;
const LogicalType kInt = LogicalType::INTEGER;
const LogicalType kText = LogicalType::VARCHAR;

int32_t Weekday(int64_t day) {
  return static_cast<int32_t>(((day + 3) % 7 + 7) % 7);
}  // Monday is 0

int32_t YearStart(int32_t year) { return *DaysOf(year, 1, 1); }

// ISO week and the year it belongs to.
void IsoWeek(int64_t day, int32_t& year, int32_t& week) {
  const int64_t thursday = day - Weekday(day) + 3;
  year = CivilOf(thursday).year;
  week = static_cast<int32_t>((thursday - YearStart(year)) / 7) + 1;
}

int32_t DatePart(std::string_view part, int64_t day) {
  const auto civil = CivilOf(day);
  int32_t year = 0, week = 0;
  if (part == "year") return civil.year;
  if (part == "quarter") return (civil.month + 2) / 3;
  if (part == "month") return civil.month;
  if (part == "day") return civil.day;
  if (part == "dow") return Weekday(day + 1) + 1;
  if (part == "dow_iso") return Weekday(day) + 1;
  if (part == "weekday") return Weekday(day);
  if (part == "doy") return static_cast<int32_t>(day - YearStart(civil.year)) + 1;
  IsoWeek(day, year, week);
  return part == "week" ? week : year;
}

template <int PART>
void Part(RowIn& in, RowOut& out) {
  static constexpr const char* kParts[] = {"year",    "quarter", "month", "day",        "dow",
                                           "weekday", "doy",     "week",  "yearofweek", "dow_iso"};
  out.Set<int32_t>(DatePart(kParts[PART], in.Get<int32_t>(0)));
}

template <int PART>
void RegisterPart(FunctionTable& table, const char* name) {
  RegisterNative(table, {name, {kDate}, kInt, EachRow(Part<PART>)});
}

Expr AddDays(FunctionCall& call, bool subtract) {
  Exprs args;
  args.push_back(call.Cast(call.Take(0), kDate));
  args.push_back(call.Cast(call.Take(1), kInt));
  return call.Call(subtract ? "-" : "+", std::move(args), true);
}

void NextDay(RowIn& in, RowOut& out) {
  static constexpr const char* kNames[] = {"MO", "TU", "WE", "TH", "FR", "SA", "SU"};
  static constexpr const char* kFull[] = {"MONDAY", "TUESDAY",  "WEDNESDAY", "THURSDAY",
                                          "FRIDAY", "SATURDAY", "SUNDAY"};
  const auto name = StringUtil::Upper(std::string(TrimAll(in.Text(1))));
  for (int i = 0; i < 7; i++) {
    const std::string full = kFull[i];
    if (name != kNames[i] && name != full.substr(0, 3) && name != full) continue;
    const auto day = in.Get<int32_t>(0);
    const int ahead = ((i - Weekday(day)) % 7 + 7) % 7;
    return out.Set<int32_t>(day + (ahead == 0 ? 7 : ahead));
  }
  throw InvalidInputException("ILLEGAL_DAY_OF_WEEK: '%s' is no day of the week",
                              std::string(in.Text(1)));
}

void LastDay(RowIn& in, RowOut& out) {
  const auto civil = CivilOf(in.Get<int32_t>(0));
  out.Set<int32_t>(*DaysOf(civil.year, civil.month, DaysInMonth(civil.year, civil.month)));
}

void Trunc(RowIn& in, RowOut& out) {
  const auto day = in.Get<int32_t>(0);
  const auto civil = CivilOf(day);
  const auto unit = StringUtil::Upper(std::string(in.Text(1)));
  if (unit == "YEAR" || unit == "YYYY" || unit == "YY")
    return out.Set<int32_t>(YearStart(civil.year));
  if (unit == "QUARTER")
    return out.Set<int32_t>(*DaysOf(civil.year, (civil.month - 1) / 3 * 3 + 1, 1));
  if (unit == "MONTH" || unit == "MM" || unit == "MON")
    return out.Set<int32_t>(*DaysOf(civil.year, civil.month, 1));
  if (unit == "WEEK") return out.Set<int32_t>(day - Weekday(day));
  out.Null();
}

void MakeDate(RowIn& in, RowOut& out) {
  auto day = DaysOf(in.Get<int32_t>(0), in.Get<int32_t>(1), in.Get<int32_t>(2));
  if (!day) {
    throw InvalidInputException(
        "DATETIME_FIELD_OUT_OF_BOUNDS: make_date: there is no date %d-%d-%d", in.Get<int32_t>(0),
        in.Get<int32_t>(1), in.Get<int32_t>(2));
  }
  out.Set<int32_t>(*day);
}

void MonthsBetween(const Zone& zone, RowIn& in, RowOut& out) {
  const int64_t first = zone.ToLocal(in.Get<int64_t>(0)), second = zone.ToLocal(in.Get<int64_t>(1));
  const int64_t day1 = FloorDiv(first, kMicrosPerDay), day2 = FloorDiv(second, kMicrosPerDay);
  const auto a = CivilOf(day1), b = CivilOf(day2);
  const double months = (a.year - b.year) * 12.0 + a.month - b.month;
  const bool both_last =
      a.day == DaysInMonth(a.year, a.month) && b.day == DaysInMonth(b.year, b.month);
  if (a.day == b.day || both_last) return out.Set<double>(months);
  // The time since the day began, which differs from the clock's on days with a change of the
  // clock.
  auto since_midnight = [&](int64_t instant, int64_t day) {
    return (instant - zone.ToInstant(day * kMicrosPerDay)) / kMicrosPerSecond;
  };
  const int64_t seconds1 = since_midnight(in.Get<int64_t>(0), day1);
  const int64_t seconds2 = since_midnight(in.Get<int64_t>(1), day2);
  const auto seconds = static_cast<double>((a.day - b.day) * 86400LL + seconds1 - seconds2);
  double result = months + seconds / (31 * 86400.0);
  const bool round = in.Columns() < 3 || in.Get<bool>(2);
  if (round) result = std::round(result * 1e8) / 1e8;
  out.Set<double>(result);
}

template <bool MONTH>
void Name(RowIn& in, RowOut& out) {
  static constexpr const char* kDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = in.Get<int32_t>(0);
  out.Text(MONTH ? kMonths[CivilOf(day).month - 1] : kDays[Weekday(day)]);
}

// date_part(field, value), which is also what EXTRACT becomes.
Expr BindDatePart(FunctionCall& call) {
  Value field;
  if (!call.Constant(0, field) || field.IsNull()) call.Refuse("the field must be a constant");
  const auto name = StringUtil::Lower(field.ToString());
  static const std::map<std::string, std::string> kNames = {{"year", "year"},
                                                            {"y", "year"},
                                                            {"years", "year"},
                                                            {"yr", "year"},
                                                            {"yrs", "year"},
                                                            {"yearofweek", "yearofweek"},
                                                            {"isoyear", "yearofweek"},
                                                            {"quarter", "quarter"},
                                                            {"qtr", "quarter"},
                                                            {"month", "month"},
                                                            {"mon", "month"},
                                                            {"mons", "month"},
                                                            {"months", "month"},
                                                            {"week", "weekofyear"},
                                                            {"weeks", "weekofyear"},
                                                            {"w", "weekofyear"},
                                                            {"day", "day"},
                                                            {"d", "day"},
                                                            {"days", "day"},
                                                            {"dayofweek", "dayofweek"},
                                                            {"dow", "dayofweek"},
                                                            {"dayofweek_iso", "dow_iso"},
                                                            {"dow_iso", "dow_iso"},
                                                            {"isodow", "dow_iso"},
                                                            {"doy", "dayofyear"},
                                                            {"dayofyear", "dayofyear"},
                                                            {"hour", "hour"},
                                                            {"h", "hour"},
                                                            {"hours", "hour"},
                                                            {"hr", "hour"},
                                                            {"hrs", "hour"},
                                                            {"minute", "minute"},
                                                            {"m", "minute"},
                                                            {"min", "minute"},
                                                            {"mins", "minute"},
                                                            {"minutes", "minute"},
                                                            {"second", "seconds_part"},
                                                            {"s", "seconds_part"},
                                                            {"sec", "seconds_part"},
                                                            {"secs", "seconds_part"},
                                                            {"seconds", "seconds_part"}};
  auto found = kNames.find(name);
  if (found == kNames.end()) call.Refuse("'" + name + "' is no field of a date or timestamp");
  if (call.Id(1) == LogicalTypeId::INTERVAL) {
    return call.Sql("CAST(date_part('" + name + "', $1) AS INTEGER)", call.Take(1));
  }
  return call.Call("spark_" + found->second, call.Take(1));
}

}  // namespace

void RegisterDateFunctions(FunctionTable& table) {
  RegisterBinding(table, "date_add", 2, 2, [](FunctionCall& call) { return AddDays(call, false); });
  RegisterBinding(table, "date_sub", 2, 2, [](FunctionCall& call) { return AddDays(call, true); });
  RegisterNative(table,
                 {"add_months", {kDate, kInt}, kDate, EachRow([](RowIn& in, RowOut& out) {
                    out.Set<int32_t>(AddMonthsToDate(in.Get<int32_t>(0), in.Get<int32_t>(1)));
                  })});
  RegisterPart<0>(table, "year");
  RegisterPart<1>(table, "quarter");
  RegisterPart<2>(table, "month");
  RegisterPart<3>(table, "day");
  RegisterPart<3>(table, "dayofmonth");
  RegisterPart<4>(table, "dayofweek");
  RegisterPart<5>(table, "weekday");
  RegisterPart<6>(table, "dayofyear");
  RegisterPart<7>(table, "weekofyear");
  RegisterPart<8>(table, "yearofweek");
  RegisterPart<9>(table, "dow_iso");
  RegisterBinding(table, "date_part", 2, 2, BindDatePart);
  RegisterBinding(table, "datepart", 2, 2, BindDatePart);
  RegisterNative(table, {"last_day", {kDate}, kDate, EachRow(LastDay)});
  RegisterNative(table, {"next_day", {kDate, kText}, kDate, EachRow(NextDay)});
  RegisterNative(table, {"trunc", {kDate, kText}, kDate, EachRow(Trunc)});
  RegisterNative(table, {"make_date", {kInt, kInt, kInt}, kDate, EachRow(MakeDate)});
  RegisterNative(table,
                 {"months_between",
                  {LogicalType::TIMESTAMP_TZ, LogicalType::TIMESTAMP_TZ, LogicalType::BOOLEAN},
                  LogicalType::DOUBLE,
                  EachRowWithZone([](ClientContext&, const Zone& zone, RowIn& in, RowOut& out) {
                    MonthsBetween(zone, in, out);
                  }),
                  2});
  RegisterNative(table, {"dayname", {kDate}, kText, EachRow(Name<false>)});
  RegisterNative(table, {"monthname", {kDate}, kText, EachRow(Name<true>)});
  RegisterNative(table, {"unix_date", {kDate}, kInt, EachRow([](RowIn& in, RowOut& out) {
                           out.Set<int32_t>(in.Get<int32_t>(0));
                         })});
  RegisterNative(table, {"date_from_unix_date", {kInt}, kDate, EachRow([](RowIn& in, RowOut& out) {
                           out.Set<int32_t>(in.Get<int32_t>(0));
                         })});
}

}  // namespace tarn::dialect
