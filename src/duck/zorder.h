// The order of rows along a Z-curve: for each column a rank (the range of a sampled distribution a
// value falls into, as Spark's range partition ids), then the ranks' bits interleaved.
//
// Ranks, not values: every column gets the same share of the curve however its values are spread.
// NULL has the lowest rank. Numbers, dates and times are ranked as 64-bit integers, texts by their
// bytes, everything else by DuckDB's sort key.
//
// Threads: Sampler one per thread; ZOrder is immutable once built. Errors: duckdb exceptions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "duckdb.hpp"

namespace tarn::duck {

// One value in a form that compares like the column.
struct RankKeys {
  bool numbers = true;
  std::vector<uint64_t> number;
  std::vector<std::string> bytes;
  size_t size() const { return numbers ? number.size() : bytes.size(); }
};

class ZOrderSampler {
 public:
  // Every `step`-th row is kept.
  ZOrderSampler(duckdb::vector<duckdb::LogicalType> types, uint64_t step);
  // `columns`: the curve's columns, in order.
  void Add(const std::vector<duckdb::Vector*>& columns, duckdb::idx_t count);
  std::vector<RankKeys>& keys() { return keys_; }

 private:
  duckdb::vector<duckdb::LogicalType> types_;
  uint64_t step_;
  uint64_t skip_ = 0;
  std::vector<RankKeys> keys_;
};

class ZOrder {
 public:
  ZOrder(duckdb::vector<duckdb::LogicalType> types, std::vector<ZOrderSampler>& samples);
  // The place on the curve of each row.
  void Keys(const std::vector<duckdb::Vector*>& columns, duckdb::idx_t count, uint64_t* out) const;

 private:
  duckdb::vector<duckdb::LogicalType> types_;
  std::vector<RankKeys> bounds_;  // ascending, distinct
  int bits_ = 16;                 // per column
};

}  // namespace tarn::duck
