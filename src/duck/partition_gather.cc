#include "duck/partition_gather.h"

#include <algorithm>
#include <atomic>
#include <unordered_map>
#include <utility>

#include "duckdb/common/value_operations/value_operations.hpp"
#include "duckdb/common/vector_operations/vector_operations.hpp"
#include "duckdb/parallel/task_executor.hpp"
#include "duckdb/parallel/task_scheduler.hpp"
#include "duckdb/parallel/thread_context.hpp"

namespace tarn::duck {

using duckdb::DataChunk;
using duckdb::hash_t;
using duckdb::idx_t;
using duckdb::SelectionVector;

namespace {

constexpr int kBucketBits = 5;
constexpr size_t kBuckets = size_t{1} << kBucketBits;
// Partitions taken apart at once: each keeps a block or two in memory.
constexpr size_t kPartitionsAtOnce = 64;
// The hash has no more bits than these; what still shares them is taken apart as it is.
constexpr int kDeepest = 64 / kBucketBits - 1;

PartitionKey KeyAt(const DataChunk& rows, const duckdb::vector<idx_t>& columns, idx_t row) {
  PartitionKey key;
  for (const idx_t column : columns) key.push_back(rows.data[column].GetValue(row));
  return key;
}

void AppendSelected(DataChunk& rows, const SelectionVector& selection, idx_t count,
                    GatheredRows* to) {
  DataChunk slice;
  slice.InitializeEmpty(rows.GetTypes());
  slice.Slice(rows, selection, count);
  to->Append(slice);
}

void CheckInterrupt(const duckdb::ClientContext& context) {
  if (context.interrupted) throw duckdb::InterruptException();
}

template <typename Visit>
void Scan(const duckdb::ClientContext& context, GatheredRows& gathered, Visit visit) {
  duckdb::ColumnDataScanState state;
  DataChunk rows;
  gathered.rows().InitializeScan(state);
  gathered.rows().InitializeScanChunk(rows);
  while (gathered.rows().Scan(state, rows)) {
    CheckInterrupt(context);
    visit(rows);
  }
}

class DrainTask : public duckdb::BaseExecutorTask {
 public:
  DrainTask(duckdb::TaskExecutor& executor, std::function<void()> work)
      : BaseExecutorTask(executor), work_(std::move(work)) {}
  void ExecuteTask() override { work_(); }

 private:
  std::function<void()> work_;
};

}  // namespace

bool SamePartition(const PartitionKey& a, const PartitionKey& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return !duckdb::ValueOperations::DistinctFrom(x, y);
  });
}

GatheredRows::GatheredRows(duckdb::ClientContext& context,
                           const duckdb::vector<duckdb::LogicalType>& types)
    : rows_(duckdb::make_uniq<duckdb::ColumnDataCollection>(context, types)),
      append_(duckdb::make_uniq<duckdb::ColumnDataAppendState>()) {
  rows_->InitializeAppend(*append_);
}

void GatheredRows::Append(DataChunk& rows) { rows_->Append(*append_, rows); }
void GatheredRows::Close() { append_.reset(); }

// One thread's buckets at one depth.
class PartitionGather::Spread {
 public:
  Spread(PartitionGather& gather, int depth)
      : gather_(gather), depth_(depth), buckets_(kBuckets), selections_(kBuckets) {
    for (auto& selection : selections_) selection.Initialize(STANDARD_VECTOR_SIZE);
  }

  void Add(DataChunk& rows) {
    duckdb::Vector hashes(duckdb::LogicalType::HASH, rows.size());
    rows.Hash(gather_.partition_columns_, hashes);
    hashes.Flatten(rows.size());
    const auto* hash = duckdb::FlatVector::GetData<hash_t>(hashes);
    idx_t counts[kBuckets] = {};
    for (idx_t row = 0; row < rows.size(); ++row) {
      const size_t at = hash[row] >> (depth_ * kBucketBits) & (kBuckets - 1);
      selections_[at].set_index(counts[at]++, row);
      auto& partitions = buckets_[at].partitions;
      if (partitions.size() <= kPartitionsAtOnce) partitions.insert(hash[row]);
    }
    for (size_t at = 0; at < kBuckets; ++at) {
      if (counts[at] == 0) continue;
      auto& parts = buckets_[at].parts;
      if (parts.empty()) {
        parts.push_back(std::make_unique<GatheredRows>(gather_.context_, gather_.types_));
      }
      AppendSelected(rows, selections_[at], counts[at], parts.back().get());
    }
  }

  std::vector<Bucket> Take() {
    for (Bucket& bucket : buckets_) {
      for (auto& part : bucket.parts) part->Close();
    }
    return std::move(buckets_);
  }

 private:
  PartitionGather& gather_;
  int depth_;
  std::vector<Bucket> buckets_;
  std::vector<SelectionVector> selections_;
};

void PartitionGather::SpreadDeleter::operator()(Spread* spread) const { delete spread; }

PartitionGather::PartitionGather(duckdb::ClientContext& context,
                                 duckdb::vector<duckdb::LogicalType> types,
                                 duckdb::vector<idx_t> partition_columns)
    : context_(context),
      types_(std::move(types)),
      partition_columns_(std::move(partition_columns)) {}

PartitionGather::~PartitionGather() = default;

void PartitionGather::Sink(Local& local, DataChunk& rows) {
  if (!local) local.reset(new Spread(*this, 0));
  local->Add(rows);
}

void PartitionGather::Combine(Local& local) {
  if (!local) return;
  std::vector<Bucket> buckets = local->Take();
  local.reset();
  std::lock_guard<std::mutex> guard(mutex_);
  if (buckets_.empty()) buckets_.resize(kBuckets);
  for (size_t at = 0; at < kBuckets; ++at) {
    for (auto& part : buckets[at].parts) buckets_[at].parts.push_back(std::move(part));
    for (const hash_t hash : buckets[at].partitions) {
      if (buckets_[at].partitions.size() <= kPartitionsAtOnce) buckets_[at].partitions.insert(hash);
    }
  }
}

// Hands out whole buckets, partition by partition.
class PartitionGather::Worker {
 public:
  Worker(PartitionGather& gather, const GatherVisitor& visitor, size_t number,
         duckdb::ExecutionContext& execution)
      : gather_(gather), visitor_(visitor), number_(number), execution_(execution) {}

  void Drain(Bucket bucket, int depth) {
    if (bucket.partitions.size() <= kPartitionsAtOnce || depth == kDeepest) {
      TakeApart(std::move(bucket));
      return;
    }
    Spread spread(gather_, depth + 1);
    for (auto& part : bucket.parts) {
      Scan(gather_.context_, *part, [&](DataChunk& rows) { spread.Add(rows); });
      part.reset();
    }
    for (Bucket& finer : spread.Take()) {
      if (!finer.parts.empty()) Drain(std::move(finer), depth + 1);
    }
  }

 private:
  struct Partition {
    Partition(duckdb::ClientContext& context, const duckdb::vector<duckdb::LogicalType>& types,
              PartitionKey its_key)
        : key(std::move(its_key)), rows(context, types), selection(STANDARD_VECTOR_SIZE) {}

    PartitionKey key;
    GatheredRows rows;
    SelectionVector selection;  // rows of the chunk at hand
    idx_t selected = 0;
  };
  using Partitions = std::vector<std::unique_ptr<Partition>>;
  using ByHash = std::unordered_map<hash_t, std::vector<Partition*>>;  // more than one: a collision

  void TakeApart(Bucket bucket) {
    Partitions partitions;
    ByHash by_hash;
    for (auto& part : bucket.parts) {
      Scan(gather_.context_, *part, [&](DataChunk& rows) { Assign(rows, &partitions, &by_hash); });
      part.reset();
    }
    for (auto& partition : partitions) partition->rows.Close();
    for (auto& partition : partitions) {
      Scan(gather_.context_, partition->rows,
           [&](DataChunk& rows) { visitor_.rows(execution_, number_, partition->key, rows); });
      visitor_.leave(execution_, number_, partition->key);
      partition.reset();
    }
  }

  void Assign(DataChunk& rows, Partitions* partitions, ByHash* by_hash) {
    duckdb::Vector hashes(duckdb::LogicalType::HASH, rows.size());
    rows.Hash(gather_.partition_columns_, hashes);
    hashes.Flatten(rows.size());
    const auto* hash = duckdb::FlatVector::GetData<hash_t>(hashes);
    for (idx_t row = 0; row < rows.size(); ++row) {
      auto& same_hash = (*by_hash)[hash[row]];
      if (same_hash.empty()) same_hash.push_back(Add(rows, row, partitions));
      same_hash.front()->selection.set_index(same_hash.front()->selected++, row);
    }
    // Partitions of equal hashes are told apart here: the first one of a hash was given all its
    // rows.
    for (size_t i = 0; i < partitions->size(); ++i) {
      Partition& partition = *(*partitions)[i];
      for (const idx_t row : TakeStrays(rows, &partition)) {
        Partition* home = HomeOf(rows, row, partitions, &(*by_hash)[hash[row]]);
        home->selection.set_index(home->selected++, row);
      }
      if (partition.selected == 0) continue;
      AppendSelected(rows, partition.selection, partition.selected, &partition.rows);
      partition.selected = 0;
    }
  }

  Partition* Add(const DataChunk& rows, idx_t row, Partitions* partitions) {
    partitions->push_back(std::make_unique<Partition>(
        gather_.context_, gather_.types_, KeyAt(rows, gather_.partition_columns_, row)));
    return partitions->back().get();
  }

  Partition* HomeOf(const DataChunk& rows, idx_t row, Partitions* partitions,
                    std::vector<Partition*>* same_hash) {
    const PartitionKey key = KeyAt(rows, gather_.partition_columns_, row);
    for (Partition* other : *same_hash) {
      if (SamePartition(other->key, key)) return other;
    }
    same_hash->push_back(Add(rows, row, partitions));
    return same_hash->back();
  }

  // Takes rows out of the selection that are not of the partition, and returns them.
  std::vector<idx_t> TakeStrays(DataChunk& rows, Partition* partition) {
    std::vector<idx_t> strays;
    for (size_t i = 0; i < gather_.partition_columns_.size() && partition->selected > 0; ++i) {
      duckdb::Vector column(rows.data[gather_.partition_columns_[i]], partition->selection,
                            partition->selected);
      duckdb::Vector wanted(partition->key[i]);
      SelectionVector other(partition->selected);
      SelectionVector own(partition->selected);
      const idx_t count = duckdb::VectorOperations::DistinctFrom(column, wanted, nullptr,
                                                                 partition->selected, &other, &own);
      if (count == 0) continue;
      for (idx_t n = 0; n < count; ++n) {
        strays.push_back(partition->selection.get_index(other.get_index(n)));
      }
      const idx_t kept = partition->selected - count;
      SelectionVector selection(STANDARD_VECTOR_SIZE);
      for (idx_t n = 0; n < kept; ++n) {
        selection.set_index(n, partition->selection.get_index(own.get_index(n)));
      }
      partition->selection.Initialize(selection);
      partition->selected = kept;
    }
    return strays;
  }

  PartitionGather& gather_;
  const GatherVisitor& visitor_;
  size_t number_;
  duckdb::ExecutionContext& execution_;
};

void PartitionGather::Drain(duckdb::ClientContext& context, const GatherVisitor& visitor) {
  std::atomic<size_t> next{0};
  const auto work = [&](size_t number) {
    duckdb::ThreadContext thread(context);
    duckdb::ExecutionContext execution(context, thread, nullptr);
    Worker worker(*this, visitor, number, execution);
    for (size_t at = next++; at < buckets_.size(); at = next++) {
      worker.Drain(std::move(buckets_[at]), 0);
    }
  };
  if (buckets_.empty()) return;
  const size_t threads = duckdb::TaskScheduler::GetScheduler(context).NumberOfThreads();
  duckdb::TaskExecutor executor(context);
  for (size_t number = 0; number < std::max<size_t>(threads, 1); ++number) {
    executor.ScheduleTask(
        duckdb::make_uniq<DrainTask>(executor, [&work, number] { work(number); }));
  }
  executor.WorkOnTasks();
}

}  // namespace tarn::duck
