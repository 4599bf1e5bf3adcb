// Values <-> text as Spark's casts do it: what a string may look like to become a number, boolean,
// date or timestamp, and how numbers and times print. Pure functions; every parser gives nothing
// for text that Spark's cast refuses. Threads: no state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dialect/function_zone.h"
#include "duckdb/common/types/value.hpp"

namespace tarn::dialect {

// Without the blanks and control characters Spark's casts ignore at both ends.
std::string_view TrimAll(std::string_view text);

std::optional<int64_t> ParseIntegral(std::string_view text);
std::optional<double> ParseDouble(std::string_view text);
std::optional<float> ParseFloat(std::string_view text);
std::optional<bool> ParseBoolean(std::string_view text);

struct ParsedDecimal {
  bool overflow = false;  // a number, but too large for the type
  duckdb::hugeint_t value;
};
// Rounds half up to `scale`; nothing when the text is no number.
std::optional<ParsedDecimal> ParseDecimal(std::string_view text, int precision, int scale);

std::optional<int32_t> ParseDate(std::string_view text);  // days since 1970-01-01
struct ParsedTimestamp {
  int64_t local = 0;  // microseconds
  std::string zone;   // empty: none given
};
std::optional<ParsedTimestamp> ParseTimestamp(std::string_view text);

// Days since 1970 of a proleptic Gregorian date; nothing when the date does not exist.
std::optional<int32_t> DaysOf(int64_t year, int month, int day);
struct CivilDate {
  int32_t year;
  int32_t month;
  int32_t day;
};
CivilDate CivilOf(int64_t days);
int DaysInMonth(int32_t year, int32_t month);
int64_t FloorDiv(int64_t a, int64_t b);
constexpr int64_t kMicrosPerSecond = 1000000;
constexpr int64_t kMicrosPerDay = 86400 * kMicrosPerSecond;

std::string DoubleText(double value);  // Java's Double.toString
std::string FloatText(float value);
std::string DecimalText(duckdb::hugeint_t digits,
                        int scale);  // never without a digit before the point
std::string DateText(int64_t days);
std::string TimestampText(int64_t local);  // without trailing zeros of the fraction
std::string IntervalText(const duckdb::interval_t& interval);
// What a cast to STRING gives, nested types included.
std::string ValueText(const duckdb::Value& value, const Zone& zone);

}  // namespace tarn::dialect
