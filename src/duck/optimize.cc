#include "duck/optimize.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <utility>

#include "base/random.h"
#include "delta/file_table.h"
#include "delta/json.h"
#include "delta/post_commit.h"
#include "delta/properties.h"
#include "delta/transaction.h"
#include "duck/bin_rewrite.h"
#include "duck/clustering.h"
#include "duck/partition_filter.h"
#include "duck/status_exception.h"
#include "duck/table_write.h"
#include "duckdb/common/string_util.hpp"
#include "duckdb/parallel/task_executor.hpp"
#include "duckdb/parallel/task_scheduler.hpp"

namespace tarn::duck {

using duckdb::StringUtil;

namespace {

constexpr uint64_t kBatchBytes = uint64_t{8} << 30;  // of old files, per commit
constexpr int kMaxRounds = 10;                       // of one bin, each after somebody changed it
constexpr uint64_t kStableGroupBytes = uint64_t{100} << 30;
constexpr uint64_t kAutoTargetBytes = uint64_t{128} << 20;
constexpr size_t kAutoMinFiles = 50;

class BinTask : public duckdb::BaseExecutorTask {
 public:
  BinTask(duckdb::TaskExecutor& executor, std::function<void()> work)
      : BaseExecutorTask(executor), work_(std::move(work)) {}
  void ExecuteTask() override { work_(); }

 private:
  std::function<void()> work_;
};

// A bin with what became of it.
struct Piece {
  delta::Bin bin;
  int rounds = 0;
  std::vector<delta::AddFile> fresh;
  std::unique_ptr<WrittenFiles> written;
};

std::string JsonList(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const auto& text : texts) out += (out.size() > 1 ? "," : "") + delta::JsonQuote(text);
  return out + "]";
}

class Optimizer {
 public:
  Optimizer(duckdb::ClientContext& context, const OptimizeRequest& request)
      : context_(context), request_(request), table_(*request.table) {}

  OptimizeOutcome Run() {
    base_ = ValueOrThrow(table_.Latest());
    ThrowIfError(delta::CheckWritable(base_->protocol(), base_->metadata())
                     .WithContext("table " + request_.name));
    Plan();
    outcome_.files_considered = static_cast<int64_t>(candidates_.size());
    outcome_.order_by = order_names_;
    while (!waiting_.empty()) RunBatch(NextBatch());
    return std::move(outcome_);
  }

 private:
  // --- what to do ---

  void Plan() {
    BinLayout layout;
    const RescanSource source{request_.name, request_.table, base_->schema(), base_->metadata()};
    const auto target = MakeWriteTarget(source.name, source.table, source.schema, source.metadata);
    ResolveOrder(*target, &layout);
    rewriter_ = std::make_unique<BinRewriter>(context_, source, layout);
    candidates_ = SelectPartitions(context_, *base_, *target, request_.predicate_sql);
    delta::BinOptions options;
    options.target_bytes = target->target_file_bytes;
    if (request_.purge) options.goal = delta::BinGoal::kPurge;
    if (!order_names_.empty()) {
      options.goal = delta::BinGoal::kRearrange;
      options.arranged_by = request_.full ? "" : layout.tags.at(delta::kArrangedByTag);
      if (clusters_) options.stable_group_bytes = request_.full ? 0 : kStableGroupBytes;
    }
    if (request_.automatic) {
      options.goal = delta::BinGoal::kCompact;
      options.target_bytes = std::min(options.target_bytes, kAutoTargetBytes);
      options.min_files = kAutoMinFiles;
    }
    for (auto& bin : PlanBins(*base_, candidates_, options)) {
      total_bytes_ += bin.bytes;
      waiting_.push_back({std::move(bin), 0, {}, nullptr});
    }
  }

  // Columns of ZORDER BY, or those the table is clustered by.
  void ResolveOrder(const WriteTarget& target, BinLayout* layout) {
    if (request_.purge || request_.automatic) return;
    order_names_ = request_.order_by;
    const auto clustering = ClusteringColumns(*base_);
    if (!order_names_.empty() && !clustering.empty()) {
      throw duckdb::InvalidInputException(
          "table %s is clustered by %s: OPTIMIZE without ZORDER BY keeps that order; ALTER TABLE … "
          "CLUSTER BY changes it",
          request_.name, JsonList(clustering));
    }
    clusters_ = order_names_.empty() && !clustering.empty();
    if (clusters_) order_names_ = clustering;
    if (order_names_.empty()) return;
    for (const auto& name : order_names_) {
      layout->order_columns.push_back(OrderColumn(target, name, clusters_));
    }
    layout->tags[delta::kGroupTag] = MakeUuid(*table_.environment().random);
    layout->tags[delta::kArrangedByTag] = JsonList(order_names_);
    layout->tags[delta::kCurveTag] = "zorder";
    if (clusters_) layout->clustering_provider = "liquid";
  }

  std::vector<Piece> NextBatch() {
    std::vector<Piece> batch;
    uint64_t bytes = 0;
    while (!waiting_.empty() &&
           (batch.empty() || bytes + waiting_.front().bin.bytes <= kBatchBytes)) {
      bytes += waiting_.front().bin.bytes;
      batch.push_back(std::move(waiting_.front()));
      waiting_.erase(waiting_.begin());
    }
    return batch;
  }

  // --- rewriting ---

  void Rewrite(Piece& piece, size_t workers) {
    piece.written = std::make_unique<WrittenFiles>(request_.table);
    piece.fresh = rewriter_->Rewrite(piece.bin, workers, piece.written.get());
    done_bytes_ += piece.bin.bytes;
    if (request_.progress && total_bytes_ > 0) {
      request_.progress(
          std::min(0.99, static_cast<double>(done_bytes_) / static_cast<double>(total_bytes_)));
    }
  }

  void RunBatch(std::vector<Piece> batch) {
    const size_t threads = duckdb::TaskScheduler::GetScheduler(context_).NumberOfThreads();
    if (batch.size() < threads || threads == 1) {
      for (Piece& piece : batch) Rewrite(piece, threads);
    } else {
      // One thread per bin: each of its files is then written by one thread, in whole row groups.
      duckdb::TaskExecutor executor(context_);
      for (Piece& piece : batch) {
        executor.ScheduleTask(
            duckdb::make_uniq<BinTask>(executor, [this, &piece] { Rewrite(piece, 1); }));
      }
      executor.WorkOnTasks();
    }
    Commit(std::move(batch));
  }

  // --- committing ---

  // Bins that are as they were when they were read stay in `batch`; the others wait again.
  void SortOutChanged(const delta::Snapshot& newest, std::vector<Piece>* batch) {
    std::vector<Piece> same;
    for (Piece& piece : *batch) {
      if (delta::FindUnchanged(newest, piece.bin)) {
        same.push_back(std::move(piece));
        continue;
      }
      piece.written->Discard();
      Piece again{delta::Remaining(newest, piece.bin), piece.rounds + 1, {}, nullptr};
      if (again.bin.files.empty()) continue;
      if (again.rounds >= kMaxRounds) {
        ++outcome_.bins_left_out;
        continue;
      }
      total_bytes_ += again.bin.bytes;
      waiting_.push_back(std::move(again));
    }
    *batch = std::move(same);
  }

  void CheckSameLayout(const delta::Snapshot& newest) const {
    const auto& before = base_->metadata();
    const auto& now = newest.metadata();
    if (before.id == now.id && before.schema_string == now.schema_string &&
        before.partition_columns == now.partition_columns &&
        base_->column_mapping() == newest.column_mapping()) {
      return;
    }
    throw duckdb::TransactionException(
        "table %s: its schema changed while it was optimized; run the statement again",
        request_.name);
  }

  void Commit(std::vector<Piece> batch) {
    for (;;) {
      const auto newest = ValueOrThrow(table_.Latest());
      CheckSameLayout(*newest);
      SortOutChanged(*newest, &batch);
      if (batch.empty()) return;
      auto transaction = ValueOrThrow(delta::Transaction::Begin(request_.table, newest));
      Stage(*newest, batch, *transaction);
      const auto result = transaction->Commit();
      if (result.ok()) {
        for (Piece& piece : batch) Count(piece);
        ++outcome_.commits;
        return;
      }
      if (result.status().code() == StatusCode::kOutcomeUnknown) {
        for (Piece& piece : batch) piece.written->Keep();
      }
      if (result.status().code() != StatusCode::kConflict) ThrowStatus(result.status());
    }
  }

  void Stage(const delta::Snapshot& newest, const std::vector<Piece>& batch,
             delta::Transaction& transaction) {
    std::vector<int64_t> sizes;
    int64_t removed = 0, removed_bytes = 0, added_bytes = 0, vectors = 0;
    for (const Piece& piece : batch) {
      const auto old_files = delta::FindUnchanged(newest, piece.bin);
      for (const auto index : *old_files) {
        ThrowIfError(transaction.RemoveDataFile(index, /*data_change=*/false));
      }
      for (const auto& file : piece.bin.files) {
        ++removed;
        removed_bytes += file.size_bytes;
        vectors += file.deletion_vector ? 1 : 0;
      }
      for (const auto& file : piece.fresh) {
        sizes.push_back(file.size_bytes);
        added_bytes += file.size_bytes;
        ThrowIfError(transaction.AddDataFile(file));
      }
    }
    if (rewriter_->target().tracks_rows()) transaction.KeepsRowIds();
    const auto spread = delta::SpreadOf(sizes);
    transaction.SetOperation(request_.purge ? "REORG" : "OPTIMIZE", Parameters());
    transaction.SetMetric("numAddedFiles", static_cast<int64_t>(sizes.size()));
    transaction.SetMetric("numRemovedFiles", removed);
    transaction.SetMetric("numAddedBytes", added_bytes);
    transaction.SetMetric("numRemovedBytes", removed_bytes);
    transaction.SetMetric("minFileSize", spread.min);
    transaction.SetMetric("p25FileSize", spread.p25);
    transaction.SetMetric("p50FileSize", spread.p50);
    transaction.SetMetric("p75FileSize", spread.p75);
    transaction.SetMetric("maxFileSize", spread.max);
    transaction.SetMetric("numDeletionVectorsRemoved", vectors);
  }

  delta::StringMap Parameters() const {
    std::vector<std::string> predicates;
    if (!request_.predicate_sql.empty()) {
      predicates.push_back(request_.predicate_text.empty() ? request_.predicate_sql
                                                           : request_.predicate_text);
    }
    delta::StringMap out{{"predicate", JsonText(JsonList(predicates))}};
    if (request_.purge) {
      out["applyPurge"] = "true";
      return out;
    }
    const std::string columns = JsonText(JsonList(order_names_));
    out["zOrderBy"] = clusters_ ? JsonText("[]") : columns;
    out["clusterBy"] = clusters_ ? columns : JsonText("[]");
    out["auto"] = request_.automatic ? "true" : "false";
    return out;
  }

  void Count(Piece& piece) {
    piece.written->Keep();
    for (const auto& file : piece.fresh) outcome_.added_sizes.push_back(file.size_bytes);
    for (const auto& file : piece.bin.files) {
      outcome_.removed_sizes.push_back(file.size_bytes);
      outcome_.vectors_removed += file.deletion_vector ? 1 : 0;
    }
  }

  duckdb::ClientContext& context_;
  const OptimizeRequest& request_;
  delta::Table& table_;
  delta::SnapshotPtr base_;
  std::vector<delta::FileIndex> candidates_;
  std::vector<std::string> order_names_;
  bool clusters_ = false;
  std::unique_ptr<BinRewriter> rewriter_;
  std::vector<Piece> waiting_;
  uint64_t total_bytes_ = 0;
  std::atomic<uint64_t> done_bytes_{0};
  OptimizeOutcome outcome_;
};

}  // namespace

OptimizeOutcome Optimize(duckdb::ClientContext& context, const OptimizeRequest& request) {
  return Optimizer(context, request).Run();
}

bool WantsAutoCompact(const delta::Metadata& metadata) {
  auto found = metadata.configuration.find("delta.autoOptimize.autoCompact");
  if (found == metadata.configuration.end())
    found = metadata.configuration.find("delta.autoOptimize");
  if (found == metadata.configuration.end()) return false;
  const std::string value = StringUtil::Lower(found->second);
  return value == "true" || value == "auto" || value == "legacy";
}

void AutoCompact(duckdb::ClientContext& context, const std::string& name,
                 const std::shared_ptr<delta::Table>& table) {
  try {
    OptimizeRequest request;
    request.name = name;
    request.table = table;
    request.automatic = true;
    Optimize(context, request);
  } catch (const std::exception& error) {
    delta::WarnAfterCommit(*table, "auto-compaction", duckdb::ErrorData(error).RawMessage());
  }
}

}  // namespace tarn::duck
