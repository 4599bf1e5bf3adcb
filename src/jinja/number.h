// Python's numbers: integers without bound, true and floor division, powers, rounding, text.
//
// All functions take Values of numeric kinds (bool counts as int) and return TypeError otherwise,
// ZeroDivisionError and OverflowError as Python does. Results beyond about 300,000 digits are
// refused (OverflowError), so that a template cannot ask for a number that fills the memory.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "jinja/value.h"

namespace tarn::jinja {

enum class NumberOp : uint8_t { kAdd, kSub, kMul, kDiv, kFloorDiv, kMod, kPow };
std::string_view NumberOpText(NumberOp op);
// -1, 0, 1. REQUIRES: is_number(), not a NaN.
int SignOf(const Value& v);
// Halves to even of an integer at 10^digits, digits > 0. REQUIRES: is_integral().
Result<Value> RoundToTens(const Value& integral, int64_t digits);
// Bits of |n|. REQUIRES: is_integral().
int64_t BitLengthOf(const Value& integral);

// REQUIRES: both is_number().
Result<Value> Arithmetic(NumberOp op, const Value& a, const Value& b);
Value Negate(const Value& a);
Value AbsoluteOf(const Value& a);
// -1, 0, 1; nullopt when a NaN is involved. REQUIRES: both is_number().
std::optional<int> CompareNumbers(const Value& a, const Value& b);
// float(x). REQUIRES: is_number(). OverflowError for huge integers.
Result<double> ToDouble(const Value& a);
// int(f): truncates. ValueError/OverflowError for NaN and infinity.
Result<Value> IntegerFromDouble(double d);
// Text of an integer Value in base 2, 8, 10 or 16, sign included, without prefix.
std::string IntegerText(const Value& integral, int base = 10);
// int(text, base) and float(text) as Python reads them; nullopt when it would raise ValueError.
std::optional<Value> ParseInteger(std::string_view text, int base = 10);
std::optional<double> ParseFloat(std::string_view text);
// round(d, digits): half to even on the decimal value.
double RoundTo(double d, int digits);
// The digits of "%.<precision><type>", type one of e f g (locale-free).
std::string FormatDouble(double d, char type, int precision);

}  // namespace tarn::jinja
