// Value: one typed scalar, for partition values, statistics and predicates.
//
// Partition values are strings in the log (PROTOCOL.md, "Partition Value Serialization");
// statistics are JSON. Both become Values so that one comparison serves pruning.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/status.h"
#include "delta/schema.h"

namespace tarn::delta {

struct DecimalValue {
  __int128 unscaled = 0;
  int scale = 0;
};
struct DateValue {
  int32_t days = 0;
};  // since 1970-01-01
struct TimestampValue {
  int64_t micros = 0;
};  // since the epoch, UTC (or local wall time for ntz)

class Value {
 public:
  using Rep = std::variant<std::monostate, bool, int64_t, double, std::string, DecimalValue,
                           DateValue, TimestampValue>;
  Value() = default;
  explicit Value(Rep rep) : rep_(std::move(rep)) {}
  bool is_null() const { return rep_.index() == 0; }
  const Rep& rep() const { return rep_; }
  std::string ToString() const;

 private:
  Rep rep_;  // string holds both UTF-8 and binary
};

// Orders two non-null values of the same kind (ints with ints, decimals of any scale, int with
// decimal or double by numeric value). nullopt when they cannot be compared (kinds differ, NaN):
// callers must then assume nothing. Strings compare by bytes (UTF-8 order, as Parquet and Spark
// do).
std::optional<std::strong_ordering> CompareValues(const Value& a, const Value& b);

// The string in partitionValues -> value. "" and nullopt are null. A timestamp without a zone is
// read as UTC: the protocol leaves it to the writer's zone, which the log does not record. Errors:
// kCorruption with the text; kUnsupported for types that cannot partition.
Result<Value> ParsePartitionValue(const std::optional<std::string>& text, const DataType& type);
// value -> the string in partitionValues (timestamps as ISO 8601 UTC "…T…Z"). Empty strings and
// empty binaries become null, as the protocol says of "". Errors: kInvalidArgument when the value
// is not of the type or does not fit it; kUnsupported for binaries that are not UTF-8, which
// readers disagree on.
Result<std::optional<std::string>> SerializePartitionValue(const Value& value,
                                                           const DataType& type);

// --- the pieces, shared with statistics; nullopt when the text is not of the form ---
// "[+-]Y-M-D".
std::optional<int32_t> ParseDateText(std::string_view text);
// Date, then optionally "[ T]H:M[:S[.f…]]" and a zone ("Z", "+HH[:MM[:SS]]", "UTC"); no zone is
// UTC. Digits beyond microseconds are cut off.
std::optional<int64_t> ParseTimestampText(std::string_view text);
// "[+-]digits[.digits][e[+-]digits]", at most 38 significant digits. Trailing zeros are kept as
// scale.
std::optional<DecimalValue> ParseDecimalText(std::string_view text);
// The same number at another scale; nullopt when digits other than zero would be lost, or 38
// exceeded.
std::optional<DecimalValue> RescaleDecimal(const DecimalValue& value, int scale);
std::string FormatDecimal(const DecimalValue& value);  // "-12.30"
std::string FormatDouble(double value);  // shortest that reads back; "NaN", "-Infinity"
std::optional<double> ParseDoubleText(std::string_view text);
bool IsValidUtf8(std::string_view bytes);

}  // namespace tarn::delta
