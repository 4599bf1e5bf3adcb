// Value: one typed scalar, for partition values, statistics and predicates.
//
// Partition values are strings in the log (PROTOCOL.md, "Partition Value Serialization"); statistics are
// JSON. Both become Values so that one comparison serves pruning.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/status.h"
#include "delta/schema.h"

namespace tarn::delta {

struct DecimalValue {
  __int128 unscaled = 0;
  int scale = 0;
};
struct DateValue { int32_t days = 0; };               // since 1970-01-01
struct TimestampValue { int64_t micros = 0; };        // since the epoch, UTC (or local wall time for ntz)

class Value {
 public:
  using Rep = std::variant<std::monostate, bool, int64_t, double, std::string, DecimalValue, DateValue,
                           TimestampValue>;
  Value() = default;
  explicit Value(Rep rep) : rep_(std::move(rep)) {}
  bool is_null() const { return rep_.index() == 0; }
  const Rep& rep() const { return rep_; }
  std::string ToString() const;

 private:
  Rep rep_;  // string holds both UTF-8 and binary
};

// Orders two non-null values of the same kind (ints with ints, decimals of any scale, int with decimal or
// double by numeric value). nullopt when they cannot be compared (kinds differ, NaN): callers must then
// assume nothing. Strings compare by bytes (UTF-8 order, as Parquet and Spark do).
std::optional<std::strong_ordering> CompareValues(const Value& a, const Value& b);

// The string in partitionValues -> value. "" and nullopt are null. Errors: kCorruption with the text.
Result<Value> ParsePartitionValue(const std::optional<std::string>& text, const DataType& type);
// value -> the string in partitionValues (timestamps as ISO 8601 UTC "…T…Z").
Result<std::optional<std::string>> SerializePartitionValue(const Value& value, const DataType& type);

}  // namespace tarn::delta
