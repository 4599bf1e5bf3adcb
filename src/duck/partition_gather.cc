#include "duck/partition_gather.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "duckdb/common/sorting/sort.hpp"
#include "duckdb/common/value_operations/value_operations.hpp"
#include "duckdb/execution/partition_info.hpp"
#include "duckdb/parallel/interrupt.hpp"
#include "duckdb/parallel/task_executor.hpp"
#include "duckdb/parallel/task_scheduler.hpp"
#include "duckdb/parallel/thread_context.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"

namespace tarn::duck {

using duckdb::DataChunk;
using duckdb::idx_t;

bool SamePartition(const PartitionKey& a, const PartitionKey& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return !duckdb::ValueOperations::DistinctFrom(x, y);
  });
}

PartitionGather::PartitionGather(duckdb::ClientContext& context,
                                 duckdb::vector<duckdb::LogicalType> types,
                                 duckdb::vector<idx_t> partition_columns)
    : types_(std::move(types)), partition_columns_(std::move(partition_columns)) {
  duckdb::vector<duckdb::BoundOrderByNode> orders;
  for (const idx_t column : partition_columns_) {
    orders.emplace_back(
        duckdb::OrderType::ASCENDING, duckdb::OrderByNullType::NULLS_FIRST,
        duckdb::make_uniq<duckdb::BoundReferenceExpression>(types_[column], column));
  }
  duckdb::vector<idx_t> all(types_.size());
  std::iota(all.begin(), all.end(), idx_t{0});
  sort_ = std::make_unique<duckdb::Sort>(context, orders, types_, std::move(all));
  sink_ = sort_->GetGlobalSinkState(context);
}

PartitionGather::~PartitionGather() = default;

void PartitionGather::Sink(duckdb::ExecutionContext& context, Local& local, DataChunk& rows) {
  if (!local) local = sort_->GetLocalSinkState(context);
  any_ = true;
  duckdb::InterruptState interrupt;
  duckdb::OperatorSinkInput input{*sink_, *local, interrupt};
  sort_->Sink(context, rows, input);
}

void PartitionGather::Combine(duckdb::ExecutionContext& context, Local& local) {
  if (!local) return;
  duckdb::InterruptState interrupt;
  duckdb::OperatorSinkCombineInput input{*sink_, *local, interrupt};
  sort_->Combine(context, input);
  local.reset();
}

// One thread's way through the sorted rows. The sort hands out numbered ranges; a partition may
// begin in one range and end in the next, which another thread may have.
class PartitionGather::Reader {
 public:
  Reader(PartitionGather& gather, const GatherVisitor& visitor, size_t worker)
      : gather_(gather), visitor_(visitor), worker_(worker) {}

  void Run(duckdb::ClientContext& context, duckdb::GlobalSourceState& source) {
    duckdb::ThreadContext thread(context);
    duckdb::ExecutionContext execution(context, thread, nullptr);
    auto local = gather_.sort_->GetLocalSourceState(execution, source);
    duckdb::InterruptState interrupt;
    DataChunk rows;
    rows.Initialize(context, gather_.types_);
    for (bool more = true; more;) {
      if (context.interrupted) throw duckdb::InterruptException();
      rows.Reset();
      duckdb::OperatorSourceInput input{source, *local, interrupt};
      more = gather_.sort_->GetData(execution, rows, input) ==
             duckdb::SourceResultType::HAVE_MORE_OUTPUT;
      if (rows.size() == 0) continue;
      EnterRange(execution, gather_.sort_
                                ->GetPartitionData(execution, rows, source, *local,
                                                   duckdb::OperatorPartitionInfo::BatchIndex())
                                .batch_index);
      Split(execution, rows);
    }
    Leave(execution, false);
  }

 private:
  // Rows of a range that follows on the last one go on where that ended.
  void EnterRange(duckdb::ExecutionContext& execution, idx_t range) {
    if (range_ && (range == *range_ || range == *range_ + 1)) {
      range_ = range;
      return;
    }
    Leave(execution, false);
    range_ = range;
    saw_start_ = range == 0;
  }

  void Leave(duckdb::ExecutionContext& execution, bool complete) {
    if (key_) visitor_.leave(execution, worker_, *key_, complete);
    key_.reset();
  }

  PartitionKey KeyAt(const DataChunk& rows, idx_t row) const {
    PartitionKey key;
    for (const idx_t column : gather_.partition_columns_) {
      key.push_back(rows.data[column].GetValue(row));
    }
    return key;
  }

  // First row behind `from` that belongs to another partition. Rows of one lie side by side.
  idx_t EndOf(const DataChunk& rows, idx_t from, const PartitionKey& key) const {
    if (SamePartition(KeyAt(rows, rows.size() - 1), key)) return rows.size();
    idx_t low = from + 1;
    idx_t high = rows.size() - 1;
    while (low < high) {
      const idx_t middle = (low + high) / 2;
      if (SamePartition(KeyAt(rows, middle), key)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  void Split(duckdb::ExecutionContext& execution, DataChunk& rows) {
    for (idx_t from = 0; from < rows.size();) {
      PartitionKey key = KeyAt(rows, from);
      if (!key_ || !SamePartition(*key_, key)) {
        const bool follows = key_.has_value();
        Leave(execution, saw_start_);
        if (follows) saw_start_ = true;
        key_ = std::move(key);
      }
      const idx_t to = EndOf(rows, from, *key_);
      if (from == 0 && to == rows.size()) {
        visitor_.rows(execution, worker_, *key_, rows);
      } else {
        duckdb::SelectionVector selection(from, to - from);
        DataChunk slice;
        slice.InitializeEmpty(gather_.types_);
        slice.Slice(rows, selection, to - from);
        visitor_.rows(execution, worker_, *key_, slice);
      }
      from = to;
    }
  }

  PartitionGather& gather_;
  const GatherVisitor& visitor_;
  size_t worker_;
  std::optional<idx_t> range_;
  std::optional<PartitionKey> key_;
  bool saw_start_ = false;  // of key_: no rows of it come before those seen here
};

namespace {

class ReadTask : public duckdb::BaseExecutorTask {
 public:
  ReadTask(duckdb::TaskExecutor& executor, std::function<void()> work)
      : BaseExecutorTask(executor), work_(std::move(work)) {}
  void ExecuteTask() override { work_(); }

 private:
  std::function<void()> work_;
};

}  // namespace

void PartitionGather::Drain(duckdb::ClientContext& context, const GatherVisitor& visitor) {
  if (!any_) return;
  duckdb::InterruptState interrupt;
  duckdb::OperatorSinkFinalizeInput finalize{*sink_, interrupt};
  sort_->Finalize(context, finalize);
  auto source = sort_->GetGlobalSourceState(context, *sink_);
  const idx_t threads = duckdb::TaskScheduler::GetScheduler(context).NumberOfThreads();
  const idx_t workers = std::max<idx_t>(1, std::min(threads, source->MaxThreads()));
  if (workers == 1) {
    Reader(*this, visitor, 0).Run(context, *source);
    return;
  }
  duckdb::TaskExecutor executor(context);
  for (size_t worker = 0; worker < workers; ++worker) {
    executor.ScheduleTask(duckdb::make_uniq<ReadTask>(
        executor, [&, worker] { Reader(*this, visitor, worker).Run(context, *source); }));
  }
  executor.WorkOnTasks();
}

}  // namespace tarn::duck
