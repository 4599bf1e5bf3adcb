#include "dialect/function_interval.h"

#include "dialect/function_text.h"
#include "dialect/function_types.h"
#include "duckdb/common/types/interval.hpp"

namespace tarn::dialect {

using namespace duckdb;

int32_t AddMonthsToDate(int32_t days, int64_t months) {
  const auto civil = CivilOf(days);
  const int64_t total = static_cast<int64_t>(civil.year) * 12 + civil.month - 1 + months;
  const auto year = FloorDiv(total, 12);
  const auto month = static_cast<int>(total - year * 12) + 1;
  const int last = DaysInMonth(static_cast<int32_t>(year), month);
  auto result = DaysOf(year, month, std::min<int>(civil.day, last));
  if (!result) throw OutOfRangeException("DATETIME_OVERFLOW: the date is out of range");
  return *result;
}

int64_t AddToInstant(const Zone& zone, int64_t instant, int64_t months, int64_t days,
                     int64_t micros) {
  if (months != 0 || days != 0) {
    int64_t local = zone.ToLocal(instant);
    const int64_t day = FloorDiv(local, kMicrosPerDay);
    const int64_t time = local - day * kMicrosPerDay;
    local = (AddMonthsToDate(static_cast<int32_t>(day), months) + days) * kMicrosPerDay + time;
    instant = zone.ToInstant(local);
  }
  int64_t result = 0;
  if (__builtin_add_overflow(instant, micros, &result)) {
    throw OutOfRangeException("DATETIME_OVERFLOW: the timestamp is out of range");
  }
  return result;
}

namespace {

bool IsInterval(const LogicalType& type) { return type.id() == LogicalTypeId::INTERVAL; }
bool IsDate(const LogicalType& type) { return type.id() == LogicalTypeId::DATE; }

// Spark counts a day-time interval in microseconds and takes whole days out of it again.
void SplitInterval(const interval_t& interval, int64_t& days, int64_t& micros) {
  const int64_t total = interval.days * kMicrosPerDay + interval.micros;
  days = total / kMicrosPerDay;
  micros = total % kMicrosPerDay;
}

Expr AddInterval(FunctionCall& call, Expr moment, Expr interval, bool subtract) {
  const auto type = moment->return_type;
  Exprs args;
  args.push_back(std::move(moment));
  args.push_back(std::move(interval));
  const int sign = subtract ? -1 : 1;
  const bool zoned = type.id() == LogicalTypeId::TIMESTAMP_TZ;
  if (IsDate(type)) {
    return Native(subtract ? "date_minus_interval" : "date_plus_interval", type,
                  EachRow([sign](RowIn& in, RowOut& out) {
                    const auto value = in.Get<interval_t>(1);
                    int64_t days = 0, micros = 0;
                    SplitInterval(value, days, micros);
                    const auto day = AddMonthsToDate(in.Get<int32_t>(0), sign * value.months);
                    out.Set<int32_t>(static_cast<int32_t>(day + sign * days));
                  }),
                  std::move(args));
  }
  auto run = [sign, zoned](DataChunk& chunk, ExpressionState& state, Vector& result) {
    auto zone = zoned ? SessionZone(state.GetContext()) : FindZone(state.GetContext(), "UTC");
    RowLoop::Run(chunk, result, false, [&](RowIn& in, RowOut& out) {
      const auto value = in.Get<interval_t>(1);
      int64_t days = 0, micros = 0;
      SplitInterval(value, days, micros);
      out.Set<int64_t>(
          AddToInstant(*zone, in.Get<int64_t>(0), sign * value.months, sign * days, sign * micros));
    });
  };
  (void)call;
  return Native(subtract ? "timestamp_minus_interval" : "timestamp_plus_interval", type, run,
                std::move(args));
}

// Spark's DATE + interval stays a date only for intervals of whole days or months; the parsed
// INTERVAL has lost its unit, so the value decides, and an interval that is no constant counts as
// whole days.
bool HasTime(FunctionCall& call, idx_t i) {
  Value value;
  if (!call.Constant(i, value) || value.IsNull()) return false;
  return IntervalValue::Get(value).micros % kMicrosPerDay != 0;
}

Expr MomentAndInterval(FunctionCall& call, idx_t moment, idx_t interval, bool subtract) {
  if (IsText(call.Type(moment))) {
    Value value;
    if (call.Constant(interval, value) && !value.IsNull() &&
        IntervalValue::Get(value).months != 0) {
      call.Refuse("months cannot be added to a string; cast it to DATE or TIMESTAMP");
    }
    auto sum = AddInterval(call, call.Cast(call.Take(moment), LogicalType::TIMESTAMP_TZ),
                           call.Take(interval), subtract);
    return call.Text(std::move(sum));
  }
  if (IsDate(call.Type(moment)) && HasTime(call, interval)) {
    call.arguments[moment] = call.Cast(call.Take(moment), LogicalType::TIMESTAMP_TZ);
  }
  return AddInterval(call, call.Take(moment), call.Take(interval), subtract);
}

Expr DatePlusDays(FunctionCall& call, idx_t date, idx_t days, bool subtract) {
  Exprs args;
  args.push_back(call.Take(date));
  args.push_back(call.Cast(call.Take(days), LogicalType::INTEGER));
  return call.Call(subtract ? "-" : "+", std::move(args), true);
}

}  // namespace

// NULL beside an interval is one.
static void SettleNullBesideInterval(FunctionCall& call) {
  for (idx_t i = 0; i < 2; i++) {
    if (call.IsNull(i) && IsInterval(call.Type(1 - i))) {
      call.arguments[i] = call.Plain(call.Take(i), LogicalType::INTERVAL);
    }
  }
}

Expr BindMomentAdd(FunctionCall& call) {
  SettleNullBesideInterval(call);
  for (idx_t i = 0; i < 2; i++) {
    const auto& one = call.Type(i);
    const auto& other = call.Type(1 - i);
    if (IsInterval(one) && IsInterval(other)) {
      Exprs args;
      args.push_back(call.Take(0));
      args.push_back(call.Take(1));
      return call.Call("+", std::move(args), true);
    }
    if (IsInterval(one) && (IsMoment(other) || IsText(other))) {
      return MomentAndInterval(call, 1 - i, i, false);
    }
    if (IsDate(one) && (IsIntegral(other) || call.IsNull(1 - i))) {
      return DatePlusDays(call, i, 1 - i, false);
    }
  }
  return nullptr;
}

Expr BindMomentSubtract(FunctionCall& call) {
  SettleNullBesideInterval(call);
  const auto left = call.Type(0);
  const auto right = call.Type(1);
  if (IsInterval(left) && IsInterval(right)) {
    Exprs args;
    args.push_back(call.Take(0));
    args.push_back(call.Take(1));
    return call.Call("-", std::move(args), true);
  }
  if (IsInterval(right) && (IsMoment(left) || IsText(left)))
    return MomentAndInterval(call, 0, 1, true);
  if (IsDate(left) && (IsIntegral(right) || call.IsNull(1))) return DatePlusDays(call, 0, 1, true);
  if (!IsMoment(left) && !IsMoment(right)) return nullptr;
  if (!(IsMoment(left) || IsText(left)) || !(IsMoment(right) || IsText(right))) return nullptr;
  if (IsDate(left) && (IsDate(right) || IsText(right))) {
    call.arguments[1] = call.Cast(call.Take(1), LogicalType::DATE);
    return call.Sql("to_days(CAST($1 - $2 AS INTEGER))", call.Take(0), call.Take(1));
  }
  // Spark takes the difference of the local clocks.
  for (idx_t i = 0; i < 2; i++) {
    if (call.Id(i) != LogicalTypeId::TIMESTAMP) {
      auto instant = call.Cast(call.Take(i), LogicalType::TIMESTAMP_TZ);
      call.arguments[i] = call.Cast(std::move(instant), LogicalType::TIMESTAMP);
    }
  }
  return call.Sql("to_microseconds(epoch_us($1) - epoch_us($2))", call.Take(0), call.Take(1));
}

Expr BindIntervalScale(FunctionCall& call, bool divide) {
  idx_t interval = 0;
  if (!IsInterval(call.Type(0))) {
    if (divide || !IsInterval(call.Type(1))) return nullptr;
    interval = 1;
  }
  Exprs args;
  args.push_back(call.Take(interval));
  args.push_back(call.Cast(call.Take(1 - interval), LogicalType::DOUBLE));
  auto each = [divide](RowIn& in, RowOut& out) {
    const auto value = in.Get<interval_t>(0);
    const double factor = in.Get<double>(1);
    if (divide && factor == 0) throw InvalidInputException("DIVIDE_BY_ZERO: division by zero");
    auto scale = [&](double amount) {
      return static_cast<int64_t>(std::llround(divide ? amount / factor : amount * factor));
    };
    interval_t result{};
    result.months = static_cast<int32_t>(scale(value.months));
    result.micros = scale(static_cast<double>(value.days) * kMicrosPerDay + value.micros);
    result.days = static_cast<int32_t>(result.micros / kMicrosPerDay);
    result.micros %= kMicrosPerDay;
    out.Set<interval_t>(result);
  };
  return Native(divide ? "interval_divide" : "interval_multiply", LogicalType::INTERVAL,
                EachRow(each), std::move(args));
}

}  // namespace tarn::dialect
