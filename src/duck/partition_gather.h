// PartitionGather: rows of more partitions than files may be open at once, brought together so that
// the files of one partition are written one after the other ("optimized writes").
//
// Rows go through DuckDB's sort by their partition columns: memory is bounded by the session's
// limit, what does not fit spills. Drain hands them back by many threads, each with stretches of
// the sorted rows, cut at partitions.
//
// Threads: Sink and Combine from many threads with a Local each, Drain once after them.
// Errors: duckdb exceptions.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "duckdb.hpp"
#include "duckdb/execution/execution_context.hpp"

namespace duckdb {
class Sort;
}

namespace tarn::duck {

using PartitionKey = duckdb::vector<duckdb::Value>;

bool SamePartition(const PartitionKey& a, const PartitionKey& b);

// What Drain calls, per worker: rows of one partition, then leave, then rows of another …
struct GatherVisitor {
  std::function<void(duckdb::ExecutionContext& context, size_t worker, const PartitionKey& key,
                     duckdb::DataChunk& rows)>
      rows;
  // `complete`: no worker will see another row of this partition.
  std::function<void(duckdb::ExecutionContext& context, size_t worker, const PartitionKey& key,
                     bool complete)>
      leave;
};

class PartitionGather {
 public:
  using Local = duckdb::unique_ptr<duckdb::LocalSinkState>;

  PartitionGather(duckdb::ClientContext& context, duckdb::vector<duckdb::LogicalType> types,
                  duckdb::vector<duckdb::idx_t> partition_columns);
  ~PartitionGather();

  // A null Local is made; the same thread passes it on to Combine.
  void Sink(duckdb::ExecutionContext& context, Local& local, duckdb::DataChunk& rows);
  void Combine(duckdb::ExecutionContext& context, Local& local);
  void Drain(duckdb::ClientContext& context, const GatherVisitor& visitor);

 private:
  class Reader;

  duckdb::vector<duckdb::LogicalType> types_;
  duckdb::vector<duckdb::idx_t> partition_columns_;
  std::unique_ptr<duckdb::Sort> sort_;
  duckdb::unique_ptr<duckdb::GlobalSinkState> sink_;
  std::atomic<bool> any_{false};
};

}  // namespace tarn::duck
