// Python's numbers: integers without bound, true and floor division, powers, rounding, text.
//
// All functions take Values of numeric kinds (bool counts as int) and return TypeError otherwise,
// ZeroDivisionError and OverflowError as Python does. Results beyond about 300,000 digits are
// refused (OverflowError), so that a template cannot ask for a number that fills the memory.
#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "jinja/value.h"

namespace tarn::jinja {

struct BigInt : public Shared {
  explicit BigInt(boost::multiprecision::cpp_int v) : number(std::move(v)) {}
  const boost::multiprecision::cpp_int number;
};

enum class NumberOp : uint8_t { kAdd, kSub, kMul, kDiv, kFloorDiv, kMod, kPow };
std::string_view NumberOpText(NumberOp op);

// REQUIRES: both is_number().
Result<Value> Arithmetic(NumberOp op, const Value& a, const Value& b);
Value Negate(const Value& a);
Value AbsoluteOf(const Value& a);
// -1, 0, 1; nullopt when a NaN is involved. REQUIRES: both is_number().
std::optional<int> CompareNumbers(const Value& a, const Value& b);
// float(x). REQUIRES: is_number(). OverflowError for huge integers.
Result<double> ToDouble(const Value& a);
boost::multiprecision::cpp_int ToBig(const Value& integral);
Value FromBig(const boost::multiprecision::cpp_int& number);
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
