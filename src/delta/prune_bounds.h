// What is known of one column in one file, and what follows for a comparison. Private to prune.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "delta/predicate.h"
#include "delta/schema.h"
#include "delta/value.h"

namespace tarn::delta {

// The outcomes some row may have; a set, so that NOT, AND and OR stay exact in three-valued logic.
using Outcomes = uint8_t;
constexpr Outcomes kCanBeTrue = 1;
constexpr Outcomes kCanBeFalse = 2;
constexpr Outcomes kCanBeNull = 4;
constexpr Outcomes kAnyOutcome = 7;

struct ColumnFacts {
  bool may_be_null = true;
  bool may_be_set = true;       // some row may be not null
  std::optional<Value> min;     // every value is >= min
  std::optional<Value> max;     // every value is <= max, but for the two flags
  bool may_exceed_max = false;  // NaN
  bool max_is_prefix = false;   // strings that start with max may be there too

  static ColumnFacts Constant(const Value& value);
};

// Bounds from JSON texts of the statistics ("12", "\"x\""); texts that do not parse set nothing.
void SetMin(std::string_view json, const DataType& type, ColumnFacts* facts);
void SetMax(std::string_view json, const DataType& type, ColumnFacts* facts);

// Outcomes of `column <kind> values` for a leaf predicate. `sorted` says that `values` (kIn)
// ascend.
Outcomes JudgeLeaf(PredicateKind kind, const std::vector<Value>& values, bool sorted,
                   const ColumnFacts& facts);

}  // namespace tarn::delta
