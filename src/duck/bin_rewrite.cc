#include "duck/bin_rewrite.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/clock.h"
#include "delta/stats.h"
#include "duck/data_writer.h"
#include "duck/status_exception.h"
#include "duck/zorder.h"
#include "duckdb/common/sorting/sort.hpp"
#include "duckdb/parallel/interrupt.hpp"
#include "duckdb/parallel/thread_context.hpp"
#include "duckdb/planner/expression/bound_reference_expression.hpp"

namespace tarn::duck {

using duckdb::DataChunk;
using duckdb::idx_t;

namespace {

constexpr uint64_t kSampleRows = 64 * 1024;  // per bin, over all threads

// Rows that count; nullopt when a file does not say how many it has.
std::optional<int64_t> RowsOf(const delta::Bin& bin) {
  int64_t rows = 0;
  for (const auto& file : bin.files) {
    const auto records = delta::NumRecordsOf(file.stats);
    if (!records) return std::nullopt;
    rows += *records - (file.deletion_vector ? file.deletion_vector->cardinality : 0);
  }
  return rows;
}

}  // namespace

void WrittenFiles::Note(const std::string& key) {
  std::lock_guard<std::mutex> guard(mutex_);
  keys_.push_back(key);
}

void WrittenFiles::Keep() {
  std::lock_guard<std::mutex> guard(mutex_);
  keys_.clear();
}

void WrittenFiles::Discard() {
  std::lock_guard<std::mutex> guard(mutex_);
  for (const auto& key : keys_) (void)table_->environment().store->Delete(key);
  keys_.clear();
}

BinRewriter::BinRewriter(duckdb::ClientContext& context, RescanSource source, BinLayout layout)
    : context_(context),
      source_(std::move(source)),
      layout_(std::move(layout)),
      target_(MakeWriteTarget(source_.name, source_.table, source_.schema, source_.metadata)) {}

void BinRewriter::CopyRows(const delta::Bin& bin, size_t workers, DataWriter* writer) {
  std::vector<DataWriter::LocalPtr> locals(workers);
  RescanVisitor visitor;
  visitor.begin = [&](duckdb::ExecutionContext&, size_t worker) {
    locals[worker] = writer->MakeLocal();
  };
  visitor.rows = [&](duckdb::ExecutionContext& execution, size_t worker, DataChunk& rows) {
    DataChunk moved;
    if (target_->tracks_rows()) TakeIds(rows, source_.schema.fields.size(), &moved);
    writer->Sink(execution, *locals[worker], target_->tracks_rows() ? moved : rows);
  };
  visitor.end = [&](duckdb::ExecutionContext& execution, size_t worker) {
    writer->Combine(execution, *locals[worker]);
  };
  std::vector<idx_t> columns(source_.schema.fields.size());
  std::iota(columns.begin(), columns.end(), idx_t{0});
  RescanFiles(context_, source_, bin.files, columns, workers, visitor);
}

// Rows as FileKind::kMovedData wants them: without the two columns that say where they were.
void BinRewriter::TakeIds(DataChunk& rows, size_t columns, DataChunk* moved) {
  auto types = rows.GetTypes();
  types.erase(types.begin() + static_cast<ptrdiff_t>(columns),
              types.begin() + static_cast<ptrdiff_t>(columns) + 2);
  moved->InitializeEmpty(types);
  for (size_t i = 0; i < types.size(); ++i) {
    moved->data[i].Reference(rows.data[i < columns ? i : i + 2]);
  }
  moved->SetCardinality(rows.size());
}

// One bin's rows through a sort: sample, rank, sort, write.
class BinRewriter::Sorter {
 public:
  Sorter(BinRewriter& owner, const delta::Bin& bin, size_t workers)
      : owner_(owner), bin_(bin), workers_(workers) {
    for (const idx_t column : owner.layout_.order_columns) {
      key_types_.push_back(owner.target_->types.at(column));
    }
  }

  void Run(DataWriter* writer) {
    if (key_types_.size() > 1) Sample();
    MakeSort();
    SinkRows();
    WriteRows(writer);
  }

 private:
  struct Worker {
    duckdb::unique_ptr<duckdb::LocalSinkState> sink;
    DataChunk chunk;
  };

  void Sample() {
    uint64_t bytes = 0;
    for (const auto& file : bin_.files) bytes += static_cast<uint64_t>(file.size_bytes);
    // Without counts a guess of the rows is good enough: a step only thins the sample out.
    const auto rows = static_cast<uint64_t>(
        std::max<int64_t>(RowsOf(bin_).value_or(static_cast<int64_t>(bytes / 64)), 1));
    std::vector<ZOrderSampler> samplers(workers_, ZOrderSampler(key_types_, rows / kSampleRows));
    RescanVisitor visitor;
    visitor.begin = [](duckdb::ExecutionContext&, size_t) {};
    visitor.end = [](duckdb::ExecutionContext&, size_t) {};
    visitor.rows = [&](duckdb::ExecutionContext&, size_t worker, DataChunk& rows) {
      std::vector<duckdb::Vector*> columns;
      for (size_t i = 0; i < key_types_.size(); ++i) columns.push_back(&rows.data[i]);
      samplers[worker].Add(columns, rows.size());
    };
    RescanFiles(owner_.context_, owner_.source_, bin_.files, owner_.layout_.order_columns, workers_,
                visitor);
    curve_ = std::make_unique<ZOrder>(key_types_, samplers);
  }

  // Sorted columns: the key, then the columns of the files.
  void MakeSort() {
    const auto& target = *owner_.target_;
    const auto key_type =
        curve_ ? duckdb::LogicalType(duckdb::LogicalType::UBIGINT) : key_types_.at(0);
    sort_types_.push_back(key_type);
    duckdb::vector<idx_t> output;
    for (const idx_t column : target.file_columns) {
      output.push_back(sort_types_.size());
      sort_types_.push_back(target.types[column]);
    }
    for (size_t i = 0; target.tracks_rows() && i < 2; ++i) {
      output.push_back(sort_types_.size());
      sort_types_.push_back(duckdb::LogicalType::BIGINT);
    }
    duckdb::vector<duckdb::BoundOrderByNode> orders;
    orders.emplace_back(duckdb::OrderType::ASCENDING, duckdb::OrderByNullType::NULLS_FIRST,
                        duckdb::make_uniq<duckdb::BoundReferenceExpression>(key_type, idx_t{0}));
    sort_ = std::make_unique<duckdb::Sort>(owner_.context_, orders, sort_types_, output);
    sink_ = sort_->GetGlobalSinkState(owner_.context_);
  }

  // Position among the scanned columns.
  size_t Scanned(idx_t column) const {
    const auto& columns = owner_.target_->file_columns;
    return static_cast<size_t>(std::find(columns.begin(), columns.end(), column) - columns.begin());
  }

  void SinkRows() {
    std::vector<Worker> workers(workers_);
    RescanVisitor visitor;
    visitor.begin = [&](duckdb::ExecutionContext& execution, size_t worker) {
      workers[worker].sink = sort_->GetLocalSinkState(execution);
    };
    visitor.rows = [&](duckdb::ExecutionContext& execution, size_t worker, DataChunk& rows) {
      SinkChunk(execution, workers[worker], rows);
    };
    visitor.end = [&](duckdb::ExecutionContext& execution, size_t worker) {
      duckdb::OperatorSinkCombineInput input{*sink_, *workers[worker].sink, interrupt_};
      sort_->Combine(execution, input);
    };
    const auto& columns = owner_.target_->file_columns;
    RescanFiles(owner_.context_, owner_.source_, bin_.files,
                std::vector<idx_t>(columns.begin(), columns.end()), workers_, visitor);
    duckdb::OperatorSinkFinalizeInput input{*sink_, interrupt_};
    sort_->Finalize(owner_.context_, input);
  }

  void SinkChunk(duckdb::ExecutionContext& execution, Worker& worker, DataChunk& rows) {
    DataChunk chunk;
    chunk.InitializeEmpty(sort_types_);
    duckdb::Vector key(sort_types_[0], rows.size());
    std::vector<duckdb::Vector*> columns;
    for (const idx_t column : owner_.layout_.order_columns) {
      columns.push_back(&rows.data[Scanned(column)]);
    }
    if (curve_) {
      curve_->Keys(columns, rows.size(), duckdb::FlatVector::GetData<uint64_t>(key));
      chunk.data[0].Reference(key);
    } else {
      chunk.data[0].Reference(*columns[0]);
    }
    const size_t stored = owner_.target_->file_columns.size();
    for (size_t i = 0; i + 1 < sort_types_.size(); ++i) {
      // Row id and commit version come behind the two columns that say where the row was.
      chunk.data[i + 1].Reference(rows.data[i < stored ? i : i + 2]);
    }
    chunk.SetCardinality(rows.size());
    duckdb::OperatorSinkInput input{*sink_, *worker.sink, interrupt_};
    sort_->Sink(execution, chunk, input);
  }

  void WriteRows(DataWriter* writer) {
    const auto& target = *owner_.target_;
    duckdb::ThreadContext thread(owner_.context_);
    duckdb::ExecutionContext execution(owner_.context_, thread, nullptr);
    auto source = sort_->GetGlobalSourceState(owner_.context_, *sink_);
    auto local = sort_->GetLocalSourceState(execution, *source);
    auto into = writer->MakeLocal();
    DataChunk sorted;
    sorted.Initialize(owner_.context_, duckdb::vector<duckdb::LogicalType>(sort_types_.begin() + 1,
                                                                           sort_types_.end()));
    for (bool more = true; more;) {
      if (owner_.context_.interrupted) throw duckdb::InterruptException();
      sorted.Reset();
      duckdb::OperatorSourceInput input{*source, *local, interrupt_};
      more = sort_->GetData(execution, sorted, input) == duckdb::SourceResultType::HAVE_MORE_OUTPUT;
      if (sorted.size() == 0) continue;
      // The writer wants every column of the table; those of the partition are not looked at.
      DataChunk rows;
      const size_t stored = target.file_columns.size();
      auto types = target.types;
      types.resize(types.size() + sorted.ColumnCount() - stored, duckdb::LogicalType::BIGINT);
      rows.InitializeEmpty(types);
      for (size_t i = 0; i < target.types.size(); ++i) {
        rows.data[i].Reference(duckdb::Value(target.types[i]));
      }
      for (size_t i = 0; i < target.file_columns.size(); ++i) {
        rows.data[target.file_columns[i]].Reference(sorted.data[i]);
      }
      for (size_t i = stored; i < sorted.ColumnCount(); ++i) {
        rows.data[target.types.size() + i - stored].Reference(sorted.data[i]);
      }
      rows.SetCardinality(sorted.size());
      writer->Sink(execution, *into, rows);
    }
    writer->Combine(execution, *into);
  }

  BinRewriter& owner_;
  const delta::Bin& bin_;
  size_t workers_;
  duckdb::vector<duckdb::LogicalType> key_types_;
  duckdb::vector<duckdb::LogicalType> sort_types_;
  std::unique_ptr<ZOrder> curve_;  // null: one column, sorted by itself
  std::unique_ptr<duckdb::Sort> sort_;
  duckdb::unique_ptr<duckdb::GlobalSinkState> sink_;
  duckdb::InterruptState interrupt_;
};

void BinRewriter::SortRows(const delta::Bin& bin, size_t workers, DataWriter* writer) {
  Sorter(*this, bin, workers).Run(writer);
}

std::vector<delta::AddFile> BinRewriter::Rewrite(const delta::Bin& bin, size_t workers,
                                                 WrittenFiles* written) {
  DataWriter writer(
      context_, [written](const std::string& key) { written->Note(key); }, target_,
      target_->tracks_rows() ? FileKind::kMovedData : FileKind::kData, bin.partition_values);
  if (layout_.order_columns.empty()) {
    CopyRows(bin, workers, &writer);
  } else {
    SortRows(bin, workers, &writer);
  }
  const int64_t now_ms = source_.table->environment().clock->NowMillis();
  std::vector<delta::AddFile> out;
  int64_t rows = 0;
  for (auto& file : writer.Finish(context_)) {
    delta::AddFile add;
    add.path = std::move(file.path);
    add.partition_values = std::move(file.partition_values);
    add.size_bytes = file.size_bytes;
    add.modification_time_ms = now_ms;
    add.data_change = false;
    add.stats = std::move(file.stats);
    add.tags = layout_.tags;
    add.clustering_provider = layout_.clustering_provider;
    rows += file.rows;
    out.push_back(std::move(add));
  }
  const auto expected = RowsOf(bin);
  if (expected && *expected != rows) {
    throw duckdb::IOException(
        "table %s: rewriting %llu files gave %lld rows, but the log says that they hold %lld; "
        "nothing was changed, run `tarn table check` on the table",
        source_.name, static_cast<unsigned long long>(bin.files.size()),
        static_cast<long long>(rows), static_cast<long long>(*expected));
  }
  return out;
}

}  // namespace tarn::duck
