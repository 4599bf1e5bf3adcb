// Predicate: what a reader asks of rows, in a form that files can be judged by.
//
// A file is kept unless the predicate is certainly not TRUE for each of its rows, judged from
// partition values, statistics (numRecords, nullCount, minValues, maxValues, tightBounds) and type.
// Anything not expressible is kUnknown, which keeps every file. SQL three-valued logic: a row
// matches only on TRUE.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "delta/value.h"

namespace tarn::delta {

enum class PredicateKind {
  kTrue,
  kFalse,
  kUnknown,
  kAnd,
  kOr,
  kNot,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kNullSafeEqual,
  kIsNull,
  kIsNotNull,
  kIn,
  kStartsWith,
};

struct Predicate {
  PredicateKind kind = PredicateKind::kTrue;
  std::vector<std::string> column;  // LOGICAL path: {"a"} or {"s","x"}; comparison kinds only
  std::vector<Value> values;        // one literal; several for kIn
  std::vector<Predicate> children;  // kAnd, kOr, kNot

  static Predicate True() { return {}; }
  static Predicate Unknown() {
    Predicate p;
    p.kind = PredicateKind::kUnknown;
    return p;
  }
  static Predicate And(std::vector<Predicate> children);
  static Predicate Or(std::vector<Predicate> children);
  static Predicate Not(Predicate child);
  static Predicate Compare(PredicateKind kind, std::vector<std::string> column, Value value);
  std::string ToString() const;
};

// What is known of all rows of a file.
enum class Verdict {
  kNone,  // no row can match: skip the file
  kSome,  // cannot tell: read the file
  kAll,   // every row matches: DELETE may drop the file without reading it
};

}  // namespace tarn::delta
