// Time zones for Spark's functions: local time <-> instant with Java's rules.
//
// DuckDB's ICU knows the zones but offers them only as SQL functions whose choice for an ambiguous
// local time differs from Java's. A Zone asks ICU once for its transitions between 1800 and 2500
// and answers from that table: a local time that does not exist moves forward by the gap, one that
// exists twice is the earlier instant. Before those years the first offset holds, after them the
// rules repeat with the calendar every 400 years.
//
// Times are microseconds since 1970-01-01. Threads: immutable once made; FindZone locks.
// Errors: duckdb::InvalidInputException for a zone nobody knows.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "duckdb.hpp"

namespace tarn::dialect {

class Zone {
 public:
  struct Transition {
    int64_t from;    // first instant with this offset
    int64_t offset;  // microseconds to add to an instant to get local time
  };
  Zone(std::string name, std::vector<Transition> transitions)
      : name_(std::move(name)), transitions_(std::move(transitions)) {}

  const std::string& name() const { return name_; }
  bool is_fixed() const { return transitions_.size() == 1; }
  int64_t OffsetAt(int64_t instant) const;
  int64_t ToLocal(int64_t instant) const { return instant + OffsetAt(instant); }
  int64_t ToInstant(int64_t local) const;
  bool IsSummer(int64_t instant) const;  // an offset larger than the smallest within a year

 private:
  std::string name_;
  std::vector<Transition> transitions_;  // ascending; the first counts from the beginning of time
};

// Accepts what Java and Spark accept: Z, UTC, GMT+3, +05:30, -0800, region names, PST and its like.
std::shared_ptr<const Zone> FindZone(duckdb::ClientContext& context, std::string_view name);
// Nothing instead of an error.
std::shared_ptr<const Zone> TryFindZone(duckdb::ClientContext& context, std::string_view name);
std::shared_ptr<const Zone> SessionZone(duckdb::ClientContext& context);
std::string SessionZoneName(duckdb::ClientContext& context);

}  // namespace tarn::dialect
