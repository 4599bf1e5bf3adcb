#include "delta/prune_bounds.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace tarn::delta {
namespace {

constexpr size_t kShortestCutString = 32;  // characters; Spark's and our prefix length
constexpr int kDoubleDigits = 15;          // every decimal of so many digits survives a double

std::optional<std::string> Unquote(std::string_view json) {
  if (json.size() < 2 || json.front() != '"' || json.back() != '"') return std::nullopt;
  const std::string_view inner = json.substr(1, json.size() - 2);
  if (inner.find('\\') == std::string_view::npos) return std::string(inner);
  const auto parsed = nlohmann::json::parse(json.begin(), json.end(), nullptr, false);
  if (!parsed.is_string()) return std::nullopt;
  return parsed.get<std::string>();
}

size_t CountCharacters(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// Digits after the point; -1 when the text has an exponent.
int FractionDigits(std::string_view text) {
  if (text.find_first_of("eE") != std::string_view::npos) return -1;
  const size_t point = text.find('.');
  return point == std::string_view::npos ? 0 : static_cast<int>(text.size() - point - 1);
}

// How far the true value may be from one that some writers print by way of a double.
__int128 RoundingOf(const DecimalValue& value, const DataType& type, std::string_view text) {
  if (type.precision <= kDoubleDigits) return 0;
  const int digits = FractionDigits(text);
  if (digits == type.scale && type.scale != 1) return 0;
  __int128 magnitude = value.unscaled < 0 ? -value.unscaled : value.unscaled;
  __int128 exact = 1;
  for (int i = 0; i < kDoubleDigits; ++i) exact *= 10;
  return magnitude < exact ? 0 : (magnitude >> 50) + 1;
}

std::optional<Value> ParseDecimalBound(std::string_view text, const DataType& type, int direction) {
  auto number = ParseDecimalText(text);
  if (!number) return std::nullopt;
  number->unscaled += direction * RoundingOf(*number, type, text);
  return Value(*number);
}

std::optional<Value> ParseBound(std::string_view json, const DataType& type, int direction) {
  std::string unquoted;
  std::string_view text = json;
  if (!json.empty() && json.front() == '"') {
    auto parsed = Unquote(json);
    if (!parsed) return std::nullopt;
    unquoted = std::move(*parsed);
    text = unquoted;
    if (type.kind == TypeKind::kString) return Value(std::move(unquoted));
  }
  switch (type.kind) {
    case TypeKind::kByte:
    case TypeKind::kShort:
    case TypeKind::kInteger:
    case TypeKind::kLong: {
      int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error == std::errc() && end == text.data() + text.size()) return Value(number);
      const auto decimal = ParseDecimalText(text);
      return decimal ? std::optional(Value(*decimal)) : std::nullopt;
    }
    case TypeKind::kFloat:
    case TypeKind::kDouble: {
      const auto number = ParseDoubleText(text);
      if (!number || std::isnan(*number)) return std::nullopt;
      return Value(type.kind == TypeKind::kFloat ? static_cast<double>(static_cast<float>(*number))
                                                 : *number);
    }
    case TypeKind::kDecimal: return ParseDecimalBound(text, type, direction);
    case TypeKind::kBoolean:
      if (text == "true") return Value(true);
      if (text == "false") return Value(false);
      return std::nullopt;
    case TypeKind::kDate: {
      const auto days = ParseDateText(text);
      return days ? std::optional(Value(DateValue{*days})) : std::nullopt;
    }
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampNtz: {
      const auto micros = ParseTimestampText(text);
      return micros ? std::optional(Value(TimestampValue{*micros})) : std::nullopt;
    }
    default: return std::nullopt;  // binary, variant: writers disagree on the form
  }
}

const std::string* Text(const Value& value) { return std::get_if<std::string>(&value.rep()); }

bool StartsWith(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

// Whether a value at or above `value` may be there although it lies beyond max.
bool MayReachBeyondMax(const ColumnFacts& facts, const Value& value) {
  if (facts.may_exceed_max) return true;
  const std::string* text = Text(value);
  const std::string* max = Text(*facts.max);
  return facts.max_is_prefix && text != nullptr && max != nullptr && StartsWith(*text, *max);
}

// Which orders of a stored value against `value` are possible.
struct Orders {
  bool less = true;
  bool equal = true;
  bool greater = true;
};

Orders PossibleOrders(const ColumnFacts& facts, const Value& value) {
  Orders out;
  if (facts.min) {
    if (const auto order = CompareValues(*facts.min, value)) {
      out.less = *order < 0;
      out.equal = *order <= 0;
    }
  }
  if (facts.max && !MayReachBeyondMax(facts, value)) {
    if (const auto order = CompareValues(*facts.max, value)) {
      out.greater = *order > 0;
      out.equal = out.equal && *order >= 0;
    }
  }
  return out;
}

Outcomes JudgeComparison(PredicateKind kind, const Value& value, const ColumnFacts& facts) {
  if (kind == PredicateKind::kNullSafeEqual && value.is_null()) {
    return JudgeLeaf(PredicateKind::kIsNull, {}, false, facts);
  }
  const Outcomes when_null = kind == PredicateKind::kNullSafeEqual ? kCanBeFalse : kCanBeNull;
  if (value.is_null()) return facts.may_be_null || facts.may_be_set ? kCanBeNull : 0;
  Outcomes out = facts.may_be_null ? when_null : 0;
  if (!facts.may_be_set) return out;
  const Orders orders = PossibleOrders(facts, value);
  bool can_match = true;
  bool can_miss = true;
  switch (kind) {
    case PredicateKind::kEqual:
    case PredicateKind::kNullSafeEqual:
      can_match = orders.equal;
      can_miss = orders.less || orders.greater;
      break;
    case PredicateKind::kNotEqual:
      can_match = orders.less || orders.greater;
      can_miss = orders.equal;
      break;
    case PredicateKind::kLess:
      can_match = orders.less;
      can_miss = orders.equal || orders.greater;
      break;
    case PredicateKind::kLessEqual:
      can_match = orders.less || orders.equal;
      can_miss = orders.greater;
      break;
    case PredicateKind::kGreater:
      can_match = orders.greater;
      can_miss = orders.less || orders.equal;
      break;
    case PredicateKind::kGreaterEqual:
      can_match = orders.greater || orders.equal;
      can_miss = orders.less;
      break;
    default: break;
  }
  if (can_match) out |= kCanBeTrue;
  if (can_miss) out |= kCanBeFalse;
  return out;
}

// Whether some value of an ascending list lies within the bounds.
bool AnyWithinBounds(const std::vector<Value>& values, const ColumnFacts& facts) {
  auto first = values.begin();
  if (facts.min) {
    first = std::partition_point(values.begin(), values.end(), [&](const Value& value) {
      const auto order = CompareValues(value, *facts.min);
      return order && *order < 0;
    });
  }
  // The least value that reaches the minimum decides, unless only later ones start with a cut
  // maximum.
  for (; first != values.end(); ++first) {
    if (PossibleOrders(facts, *first).equal) return true;
    if (!facts.max_is_prefix) return false;
  }
  return false;
}

Outcomes JudgeIn(const std::vector<Value>& values, bool sorted, const ColumnFacts& facts) {
  Outcomes out = facts.may_be_null ? kCanBeNull : 0;
  const bool has_null =
      std::any_of(values.begin(), values.end(), [](const Value& v) { return v.is_null(); });
  if (!facts.may_be_set) return out;
  bool can_match = false;
  bool all_match = false;
  if (sorted && !has_null) {
    can_match = AnyWithinBounds(values, facts);
  } else {
    for (const Value& value : values) {
      can_match = can_match || (!value.is_null() && PossibleOrders(facts, value).equal);
    }
  }
  const bool single = facts.min && facts.max &&
                      CompareValues(*facts.min, *facts.max) == std::strong_ordering::equal;
  if (can_match && single) {
    for (const Value& value : values) {
      if (value.is_null()) continue;
      const Orders orders = PossibleOrders(facts, value);
      all_match = all_match || (orders.equal && !orders.less && !orders.greater);
    }
  }
  if (can_match) out |= kCanBeTrue;
  if (!all_match) out |= has_null ? kCanBeNull : kCanBeFalse;
  return out;
}

Outcomes JudgeStartsWith(const Value& value, const ColumnFacts& facts) {
  const std::string* prefix = Text(value);
  if (prefix == nullptr) return value.is_null() ? kCanBeNull : kAnyOutcome;
  Outcomes out = facts.may_be_null ? kCanBeNull : 0;
  if (!facts.may_be_set) return out;
  const std::string* min = facts.min ? Text(*facts.min) : nullptr;
  const std::string* max = facts.max ? Text(*facts.max) : nullptr;
  const bool min_starts = min != nullptr && StartsWith(*min, *prefix);
  const bool max_starts = max != nullptr && StartsWith(*max, *prefix);
  const bool all_below = max != nullptr && *max < *prefix && !MayReachBeyondMax(facts, value);
  const bool all_above = min != nullptr && *min > *prefix && !min_starts;
  if (!all_below && !all_above) out |= kCanBeTrue;
  if (!(min_starts && max_starts)) out |= kCanBeFalse;
  return out;
}

}  // namespace

ColumnFacts ColumnFacts::Constant(const Value& value) {
  ColumnFacts facts;
  facts.may_be_null = value.is_null();
  facts.may_be_set = !value.is_null();
  if (value.is_null()) return facts;
  const auto* number = std::get_if<double>(&value.rep());
  if (number != nullptr && std::isnan(*number)) return facts;
  facts.min = value;
  facts.max = value;
  return facts;
}

void SetMin(std::string_view json, const DataType& type, ColumnFacts* facts) {
  facts->min = ParseBound(json, type, -1);
}

void SetMax(std::string_view json, const DataType& type, ColumnFacts* facts) {
  facts->max = ParseBound(json, type, +1);
  if (!facts->max) return;
  if (const std::string* text = Text(*facts->max)) {
    facts->max_is_prefix = CountCharacters(*text) >= kShortestCutString;
  } else if (const auto* time = std::get_if<TimestampValue>(&facts->max->rep())) {
    int64_t widened = 0;
    if (time->micros % 1000 == 0 && !__builtin_add_overflow(time->micros, 999, &widened)) {
      facts->max = Value(TimestampValue{widened});
    }
  }
}

Outcomes JudgeLeaf(PredicateKind kind, const std::vector<Value>& values, bool sorted,
                   const ColumnFacts& facts) {
  switch (kind) {
    case PredicateKind::kIsNull:
    case PredicateKind::kIsNotNull: {
      const bool is_null = kind == PredicateKind::kIsNull;
      Outcomes out = 0;
      if (facts.may_be_null) out |= is_null ? kCanBeTrue : kCanBeFalse;
      if (facts.may_be_set) out |= is_null ? kCanBeFalse : kCanBeTrue;
      return out;
    }
    case PredicateKind::kIn: return JudgeIn(values, sorted, facts);
    case PredicateKind::kStartsWith:
      return values.empty() ? kAnyOutcome : JudgeStartsWith(values.front(), facts);
    default: return values.empty() ? kAnyOutcome : JudgeComparison(kind, values.front(), facts);
  }
}

}  // namespace tarn::delta
