#include "dialect/function_decimal.h"

#include <array>

#include "duckdb/common/types/decimal.hpp"
#include "duckdb/common/types/hugeint.hpp"

namespace tarn::dialect {

using namespace duckdb;

namespace {

using Word = unsigned __int128;

// An unsigned number of 256 bits: enough for the product of two 38-digit decimals.
struct Wide {
  Word high = 0;
  Word low = 0;
};

bool Less(const Wide& a, const Wide& b) {
  return a.high != b.high ? a.high < b.high : a.low < b.low;
}

Wide Add(Wide a, const Wide& b) {
  a.low += b.low;
  a.high += b.high + (a.low < b.low);
  return a;
}

Wide Subtract(Wide a, const Wide& b) {
  const bool borrow = a.low < b.low;
  a.low -= b.low;
  a.high -= b.high + borrow;
  return a;
}

Wide Multiply(Word a, Word b) {
  const Word mask = ~static_cast<uint64_t>(0);
  const Word a0 = a & mask, a1 = a >> 64, b0 = b & mask, b1 = b >> 64;
  const Word p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0, p11 = a1 * b1;
  const Word middle = (p00 >> 64) + (p01 & mask) + (p10 & mask);
  Wide result;
  result.low = (p00 & mask) | (middle << 64);
  result.high = p11 + (p01 >> 64) + (p10 >> 64) + (middle >> 64);
  return result;
}

// Quotient and remainder by a divisor below 2^127.
Wide Divide(const Wide& n, Word d, Word& remainder) {
  Wide q;
  if (n.high == 0) {
    q.low = n.low / d;
    remainder = n.low % d;
    return q;
  }
  Word r = 0;
  for (int bit = 255; bit >= 0; bit--) {
    const Word next = bit >= 128 ? (n.high >> (bit - 128)) & 1 : (n.low >> bit) & 1;
    r = (r << 1) | next;
    if (r >= d) {
      r -= d;
      (bit >= 128 ? q.high : q.low) |= static_cast<Word>(1) << (bit >= 128 ? bit - 128 : bit);
    }
  }
  remainder = r;
  return q;
}

Word PowerOfTen(int exponent) {
  Word value = 1;
  for (int i = 0; i < exponent; i++) value *= 10;
  return value;
}

Word Magnitude(hugeint_t value, bool& negative) {
  negative = value.upper < 0;
  if (negative) value = -value;
  return (static_cast<Word>(static_cast<uint64_t>(value.upper)) << 64) | value.lower;
}

hugeint_t Signed(Word magnitude, bool negative) {
  hugeint_t value(static_cast<int64_t>(magnitude >> 64), static_cast<uint64_t>(magnitude));
  return negative ? -value : value;
}

[[noreturn]] void Overflow(DecimalShape shape) {
  throw OutOfRangeException("NUMERIC_VALUE_OUT_OF_RANGE: the result does not fit decimal(%d,%d)",
                            shape.precision, shape.scale);
}

hugeint_t Fit(const Wide& value, bool negative, DecimalShape shape) {
  if (value.high != 0 || value.low >= PowerOfTen(shape.precision)) Overflow(shape);
  return Signed(value.low, negative);
}

// value / 10^drop, half up.
Wide DropDigits(Wide value, int drop) {
  if (drop <= 0) return value;
  Word remainder = 0;
  const Word divisor = PowerOfTen(drop);
  value = Divide(value, divisor, remainder);
  if (remainder >= divisor - remainder) value = Add(value, Wide{0, 1});
  return value;
}

struct Operands {
  Word a, b;
  bool a_negative, b_negative;
  int a_scale, b_scale;
};

hugeint_t AddDigits(const Operands& o, bool subtract, DecimalShape shape) {
  const int scale = std::max(o.a_scale, o.b_scale);
  const Wide a = Multiply(o.a, PowerOfTen(scale - o.a_scale));
  const Wide b = Multiply(o.b, PowerOfTen(scale - o.b_scale));
  const bool b_negative = o.b_negative != subtract;
  Wide sum;
  bool negative = o.a_negative;
  if (o.a_negative == b_negative) {
    sum = Add(a, b);
  } else if (Less(a, b)) {
    sum = Subtract(b, a);
    negative = b_negative;
  } else {
    sum = Subtract(a, b);
  }
  return Fit(DropDigits(sum, scale - shape.scale), negative, shape);
}

hugeint_t DivideDigits(const Operands& o, DecimalShape shape) {
  // a/10^as / (b/10^bs) at scale s = a * 10^(s - as + bs) / b, by long division so that nothing
  // overflows.
  const int shift = shape.scale - o.a_scale + o.b_scale;
  Word remainder = 0;
  Wide quotient;
  if (shift >= 0) {
    const int first = std::min(shift, 38);
    quotient = Divide(Multiply(o.a, PowerOfTen(first)), o.b, remainder);
    for (int digit = first; digit < shift; digit++) {
      if (quotient.high > (~static_cast<Word>(0)) / 20) Overflow(shape);
      Wide tenfold = Add(Multiply(quotient.low, 10), Wide{quotient.high * 10, 0});
      Wide part = Divide(Multiply(remainder, 10), o.b, remainder);
      quotient = Add(tenfold, part);
    }
  } else {
    const Wide divisor = Multiply(o.b, PowerOfTen(-shift));
    if (divisor.high != 0) return hugeint_t(0);
    quotient = Divide(Wide{0, o.a}, divisor.low, remainder);
    if (remainder >= divisor.low - remainder) quotient = Add(quotient, Wide{0, 1});
    return Fit(quotient, o.a_negative != o.b_negative, shape);
  }
  if (remainder >= o.b - remainder) quotient = Add(quotient, Wide{0, 1});
  return Fit(quotient, o.a_negative != o.b_negative, shape);
}

// Remainder with the dividend's sign; both brought to the larger scale.
hugeint_t ModuloDigits(const Operands& o, bool positive, DecimalShape shape) {
  const int scale = std::max(o.a_scale, o.b_scale);
  const Wide a = Multiply(o.a, PowerOfTen(scale - o.a_scale));
  const Wide b = Multiply(o.b, PowerOfTen(scale - o.b_scale));
  if (b.high != 0 || (b.low >> 127) != 0) {
    if (Less(a, b) && !(positive && o.a_negative)) {
      return Fit(DropDigits(a, scale - shape.scale), o.a_negative, shape);
    }
    Overflow(shape);
  }
  Word remainder = 0;
  Divide(a, b.low, remainder);
  bool negative = o.a_negative;
  if (positive && negative && remainder != 0) {
    // (r + b) % b with signed b
    if (!o.b_negative) {
      remainder = b.low - remainder;
      negative = false;
    }
  }
  return Fit(DropDigits(Wide{0, remainder}, scale - shape.scale), negative, shape);
}

hugeint_t WholeQuotient(const Operands& o, DecimalShape shape) {
  const int scale = std::max(o.a_scale, o.b_scale);
  const Wide a = Multiply(o.a, PowerOfTen(scale - o.a_scale));
  const Wide b = Multiply(o.b, PowerOfTen(scale - o.b_scale));
  if (b.high != 0 || (b.low >> 127) != 0) return hugeint_t(0);
  Word remainder = 0;
  return Fit(Divide(a, b.low, remainder), o.a_negative != o.b_negative, shape);
}

hugeint_t Calculate(DecimalOperation operation, const Operands& o, DecimalShape shape) {
  const bool divides =
      operation == DecimalOperation::kDivide || operation == DecimalOperation::kWholeQuotient;
  if (o.b == 0 && divides) {
    throw InvalidInputException("DIVIDE_BY_ZERO: division by zero; use try_divide to get NULL");
  }
  switch (operation) {
    case DecimalOperation::kAdd: return AddDigits(o, false, shape);
    case DecimalOperation::kSubtract: return AddDigits(o, true, shape);
    case DecimalOperation::kMultiply:
      return Fit(DropDigits(Multiply(o.a, o.b), o.a_scale + o.b_scale - shape.scale),
                 o.a_negative != o.b_negative, shape);
    case DecimalOperation::kDivide: return DivideDigits(o, shape);
    case DecimalOperation::kWholeQuotient: return WholeQuotient(o, shape);
    default:
      if (o.b == 0) {
        throw InvalidInputException(
            "REMAINDER_BY_ZERO: remainder by zero; use try_mod to get NULL");
      }
      return ModuloDigits(o, operation == DecimalOperation::kPositiveModulo, shape);
  }
}

const char* OperationName(DecimalOperation operation) {
  static constexpr const char* kNames[] = {"decimal_add",    "decimal_subtract", "decimal_multiply",
                                           "decimal_divide", "decimal_mod",      "decimal_pmod",
                                           "decimal_div"};
  return kNames[static_cast<int>(operation)];
}

}  // namespace

hugeint_t DecimalDigits(const RowIn& in, idx_t column, const LogicalType& type) {
  switch (type.InternalType()) {
    case PhysicalType::INT16: return hugeint_t(in.Get<int16_t>(column));
    case PhysicalType::INT32: return hugeint_t(in.Get<int32_t>(column));
    case PhysicalType::INT64: return hugeint_t(in.Get<int64_t>(column));
    default: return in.Get<hugeint_t>(column);
  }
}

void SetDecimalDigits(RowOut& out, const LogicalType& type, hugeint_t digits) {
  switch (type.InternalType()) {
    case PhysicalType::INT16: return out.Set<int16_t>(Hugeint::Cast<int16_t>(digits));
    case PhysicalType::INT32: return out.Set<int32_t>(Hugeint::Cast<int32_t>(digits));
    case PhysicalType::INT64: return out.Set<int64_t>(Hugeint::Cast<int64_t>(digits));
    default: return out.Set<hugeint_t>(digits);
  }
}

hugeint_t Rescale(hugeint_t digits, int from, int to) {
  bool negative = false;
  const Word magnitude = Magnitude(digits, negative);
  if (to >= from) return Fit(Multiply(magnitude, PowerOfTen(to - from)), negative, {38, to});
  return Fit(DropDigits(Wide{0, magnitude}, from - to), negative, {38, to});
}

Expr DecimalCall(DecimalOperation operation, Expr left, Expr right, DecimalShape shape) {
  const auto left_type = left->return_type;
  const auto right_type = right->return_type;
  const auto type = DecimalType(shape);
  auto each = [=](RowIn& in, RowOut& out) {
    Operands o;
    o.a = Magnitude(DecimalDigits(in, 0, left_type), o.a_negative);
    o.b = Magnitude(DecimalDigits(in, 1, right_type), o.b_negative);
    o.a_scale = duckdb::DecimalType::GetScale(left_type);
    o.b_scale = duckdb::DecimalType::GetScale(right_type);
    SetDecimalDigits(out, type, Calculate(operation, o, shape));
  };
  Exprs args;
  args.push_back(std::move(left));
  args.push_back(std::move(right));
  return Native(OperationName(operation), type, EachRow(each), std::move(args));
}

}  // namespace tarn::dialect
