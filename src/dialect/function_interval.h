// Arithmetic of dates, timestamps and intervals. Each binding returns nothing when the arguments
// hold no date, timestamp or interval, so that the caller goes on with numbers. Threads: no state.
#pragma once

#include "dialect/function_bind.h"
#include "dialect/function_zone.h"

namespace tarn::dialect {

Expr BindMomentAdd(FunctionCall& call);
Expr BindMomentSubtract(FunctionCall& call);
Expr BindIntervalScale(FunctionCall& call, bool divide);

// Adds calendar months, then whole days, then time, on the local clock of the zone, as Spark does.
int64_t AddToInstant(const Zone& zone, int64_t instant, int64_t months, int64_t days,
                     int64_t micros);
// The last day of the month when the day does not exist.
int32_t AddMonthsToDate(int32_t days, int64_t months);

}  // namespace tarn::dialect
