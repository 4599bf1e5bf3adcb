// WriteOperator: what the physical operators INSERT, DELETE and UPDATE share. A parallel sink over
// one TableWrite that yields the number of rows concerned.
//
// Threads, lifetime: as DuckDB's physical operators; state is per execution, so a prepared
// statement can run again.
#pragma once

#include <memory>
#include <string>

#include "duck/table_write.h"
#include "duckdb.hpp"
#include "duckdb/execution/physical_operator.hpp"

namespace tarn::duck {

struct WriteSinkState : public duckdb::GlobalSinkState {
  std::unique_ptr<TableWrite> write;
  int64_t count = 0;
};

struct WriteLocalState : public duckdb::LocalSinkState {
  TableWrite::LocalPtr local;
};

class WriteOperator : public duckdb::PhysicalOperator {
 public:
  WriteOperator(duckdb::PhysicalPlan& plan, duckdb::vector<duckdb::LogicalType> types,
                duckdb::idx_t cardinality)
      : PhysicalOperator(plan, duckdb::PhysicalOperatorType::EXTENSION, std::move(types),
                         cardinality) {}

  bool IsSource() const override { return true; }
  bool IsSink() const override { return true; }
  bool ParallelSink() const override { return true; }
  duckdb::unique_ptr<duckdb::LocalSinkState> GetLocalSinkState(
      duckdb::ExecutionContext& context) const override;
  duckdb::SinkCombineResultType Combine(duckdb::ExecutionContext& context,
                                        duckdb::OperatorSinkCombineInput& input) const override;
  duckdb::SinkFinalizeType Finalize(duckdb::Pipeline& pipeline, duckdb::Event& event,
                                    duckdb::ClientContext& context,
                                    duckdb::OperatorSinkFinalizeInput& input) const override;
  duckdb::SourceResultType GetDataInternal(duckdb::ExecutionContext& context,
                                           duckdb::DataChunk& chunk,
                                           duckdb::OperatorSourceInput& input) const override;
  duckdb::InsertionOrderPreservingMap<duckdb::string> ParamsToString() const override;

 protected:
  // For EXPLAIN.
  virtual std::string TableName() const = 0;
  // Before Finish: what is not known row by row.
  virtual void BeforeFinish(duckdb::ClientContext& context, TableWrite& write) const {}
  // Operation name, parameters, metrics; returns the number of rows the statement reports.
  virtual int64_t Report(TableWrite& write, const WriteOutcome& outcome) const = 0;
};

// What a plan reads of the table it changes, for conflict detection: the condition that pruned each
// scan of it. `must_read`: the statement looks at the table's rows, so a scan that the optimizer
// proved empty or answered from statistics counts as reading everything.
void RecordReads(const duckdb::PhysicalOperator& plan, TableWrite& write, bool must_read);
// "[\"(…)\"]": the condition of the plan's scans of this table, as operationParameters hold it.
std::string ReadPredicateParameter(const duckdb::PhysicalOperator& plan, const TableWrite& write);
// What DELETE and UPDATE tell the history alike: Spark's metrics of files and vectors, and, unless
// the commit is the table's first, the operation with what `plan` read.
void ReportRowChange(const duckdb::PhysicalOperator& plan, TableWrite& write,
                     const WriteOutcome& outcome, const char* operation);

}  // namespace tarn::duck
