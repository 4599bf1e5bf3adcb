// PartitionGather: rows of more partitions than files may be open at once, brought together so that
// the files of one partition are written one after the other ("optimized writes").
//
// Rows are spread over buckets by the hash of their partition; a bucket of few partitions is taken
// apart into them, one of many is spread again by further bits of the hash. All of it lies in
// collections of DuckDB's buffer manager, which spill what the session's limit does not hold; held
// in memory are a block or two of every bucket, or of every partition of one bucket, per thread.
//
// Threads: Sink and Combine from many threads with a Local each, Drain once after them.
// Errors: duckdb exceptions.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "duckdb.hpp"
#include "duckdb/common/types/column/column_data_collection.hpp"
#include "duckdb/execution/execution_context.hpp"

namespace tarn::duck {

using PartitionKey = duckdb::vector<duckdb::Value>;

bool SamePartition(const PartitionKey& a, const PartitionKey& b);

// What Drain calls, per worker: rows of one partition, then leave, then rows of another … A
// partition comes once, from one worker.
struct GatherVisitor {
  std::function<void(duckdb::ExecutionContext& context, size_t worker, const PartitionKey& key,
                     duckdb::DataChunk& rows)>
      rows;
  std::function<void(duckdb::ExecutionContext& context, size_t worker, const PartitionKey& key)>
      leave;
};

// Rows that only grow, and the state of growing them.
class GatheredRows {
 public:
  GatheredRows(duckdb::ClientContext& context, const duckdb::vector<duckdb::LogicalType>& types);

  void Append(duckdb::DataChunk& rows);
  // Lets go of the blocks being written; nothing is appended afterwards.
  void Close();
  duckdb::ColumnDataCollection& rows() { return *rows_; }

 private:
  duckdb::unique_ptr<duckdb::ColumnDataCollection> rows_;
  duckdb::unique_ptr<duckdb::ColumnDataAppendState> append_;
};

class PartitionGather {
 public:
  class Spread;
  struct SpreadDeleter {
    void operator()(Spread* spread) const;
  };
  using Local = std::unique_ptr<Spread, SpreadDeleter>;

  PartitionGather(duckdb::ClientContext& context, duckdb::vector<duckdb::LogicalType> types,
                  duckdb::vector<duckdb::idx_t> partition_columns);
  ~PartitionGather();

  // A null Local is made; the same thread passes it on to Combine.
  void Sink(Local& local, duckdb::DataChunk& rows);
  void Combine(Local& local);
  void Drain(duckdb::ClientContext& context, const GatherVisitor& visitor);

 private:
  class Worker;

  // Rows by some bits of their partition's hash.
  struct Bucket {
    std::vector<std::unique_ptr<GatheredRows>> parts;  // of several threads
    std::unordered_set<duckdb::hash_t> partitions;     // their hashes, no more than tell "many"
  };

  duckdb::ClientContext& context_;
  duckdb::vector<duckdb::LogicalType> types_;
  duckdb::vector<duckdb::idx_t> partition_columns_;
  std::mutex mutex_;
  std::vector<Bucket> buckets_;
};

}  // namespace tarn::duck
