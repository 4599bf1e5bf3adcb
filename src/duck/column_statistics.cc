#include "duck/column_statistics.h"

#include <algorithm>
#include <utility>

#include "delta/file_table.h"
#include "duck/types.h"
#include "duckdb/common/multi_file/multi_file_states.hpp"
#include "duckdb/storage/statistics/numeric_stats.hpp"

namespace tarn::duck {

using delta::FileIndex;
using delta::TypeKind;

namespace {

// Reading statistics costs about a microsecond a file; beyond this the optimizer does without.
constexpr uint32_t kMaxFiles = 10'000;

bool HasOrderedStatistics(TypeKind kind) {
  return kind == TypeKind::kByte || kind == TypeKind::kShort || kind == TypeKind::kInteger ||
         kind == TypeKind::kLong || kind == TypeKind::kDate;
}

std::string Unquoted(std::string_view json) {
  if (json.size() >= 2 && json.front() == '"' && json.back() == '"') {
    json.remove_prefix(1);
    json.remove_suffix(1);
  }
  return std::string(json);
}

// Bounds of one column over all files.
class BoundsCollector {
 public:
  BoundsCollector(const delta::DataType& type) : type_(type) {}

  // False when a bound cannot be used: the column's statistics are then unknown.
  bool Add(const std::string& low, const std::string& high) {
    auto low_value = delta::ParsePartitionValue(low, type_);
    auto high_value = delta::ParsePartitionValue(high, type_);
    if (!low_value.ok() || !high_value.ok() || low_value->is_null() || high_value->is_null()) {
      return false;
    }
    return Take(std::move(low_value).value(), &min_, std::strong_ordering::less) &&
           Take(std::move(high_value).value(), &max_, std::strong_ordering::greater);
  }
  void AddNull() { has_null_ = true; }

  duckdb::unique_ptr<duckdb::BaseStatistics> Finish() const {
    auto stats = duckdb::NumericStats::CreateEmpty(ToLogicalType(type_));
    if (!min_.is_null()) {
      duckdb::NumericStats::SetMin(stats, ToDuckValue(min_, type_));
      duckdb::NumericStats::SetMax(stats, ToDuckValue(max_, type_));
    }
    if (has_null_) stats.SetHasNullFast();
    stats.SetHasNoNullFast();
    return stats.ToUnique();
  }

 private:
  static bool Take(delta::Value value, delta::Value* best, std::strong_ordering wanted) {
    if (best->is_null()) {
      *best = std::move(value);
      return true;
    }
    const auto order = delta::CompareValues(value, *best);
    if (!order) return false;
    if (*order == wanted) *best = std::move(value);
    return true;
  }

  const delta::DataType& type_;
  delta::Value min_;
  delta::Value max_;
  bool has_null_ = false;
};

duckdb::unique_ptr<duckdb::BaseStatistics> FromPartitions(const delta::FileTable& files,
                                                          const std::vector<FileIndex>& of,
                                                          const delta::DataType& type,
                                                          const std::string& name) {
  BoundsCollector bounds(type);
  for (const FileIndex index : of) {
    const auto value = files.PartitionValue(index, name);
    if (!value || value->empty()) {
      bounds.AddNull();
    } else if (!bounds.Add(std::string(*value), std::string(*value))) {
      return nullptr;
    }
  }
  return bounds.Finish();
}

duckdb::unique_ptr<duckdb::BaseStatistics> FromFiles(const delta::FileTable& files,
                                                     const std::vector<FileIndex>& of,
                                                     const delta::DataType& type,
                                                     const std::string& name) {
  delta::StatsColumn low(files, {"minValues", name});
  delta::StatsColumn high(files, {"maxValues", name});
  delta::StatsColumn nulls(files, {"nullCount", name});
  BoundsCollector bounds(type);
  for (const FileIndex index : of) {
    const auto null_count = nulls.Read(index);
    if (!null_count) return nullptr;
    const std::string null_text(*null_count);
    if (null_text != "0") bounds.AddNull();
    const auto low_text = low.Read(index);
    if (!low_text) {
      const auto records = files.NumRecords(index);
      if (!records || std::to_string(*records) != null_text) return nullptr;
      continue;  // nothing but nulls
    }
    const std::string low_copy = Unquoted(*low_text);
    const auto high_text = high.Read(index);
    if (!high_text || !bounds.Add(low_copy, Unquoted(*high_text))) return nullptr;
  }
  return bounds.Finish();
}

// Statistics of a column over some files of a snapshot; null when they are not known.
duckdb::unique_ptr<duckdb::BaseStatistics> StatisticsOver(const DeltaScanInfo& info,
                                                          const delta::FileTable& files,
                                                          const std::vector<FileIndex>& of,
                                                          duckdb::column_t column) {
  if (of.empty() || of.size() > kMaxFiles || column >= info.schema.fields.size()) return nullptr;
  const auto& field = info.schema.fields[column];
  if (!HasOrderedStatistics(field.type->kind)) return nullptr;
  const auto& name = field.PhysicalName(info.mapping != delta::ColumnMappingMode::kNone);
  return info.IsPartitionColumn(field.name) ? FromPartitions(files, of, *field.type, name)
                                            : FromFiles(files, of, *field.type, name);
}

// The files of a scan as DuckDB sees a row group: rows, and bounds of columns.
class ScanPartition : public duckdb::PartitionRowGroup {
 public:
  ScanPartition(const DeltaScanInfo& info, delta::SnapshotPtr snapshot, std::vector<FileIndex> of)
      : info_(info), snapshot_(std::move(snapshot)), of_(std::move(of)) {}

  // Rows that are left; nullopt when a file does not say.
  std::optional<int64_t> Rows() const {
    int64_t rows = 0;
    for (const FileIndex index : of_) {
      const auto records = snapshot_->files().NumRecords(index);
      if (!records) return std::nullopt;
      const auto* vector = snapshot_->files().DeletionVector(index);
      rows += *records - (vector ? vector->cardinality : 0);
    }
    return rows;
  }

  duckdb::unique_ptr<duckdb::BaseStatistics> GetColumnStatistics(
      const duckdb::StorageIndex& storage_index) override {
    if (storage_index.HasChildren()) return nullptr;
    return StatisticsOver(info_, snapshot_->files(), of_, storage_index.GetPrimaryIndex());
  }

  // Only when every row that the bounds were taken from is still there.
  bool MinMaxIsExact(const duckdb::BaseStatistics& stats,
                     const duckdb::StorageIndex& storage_index) override {
    const auto& files = snapshot_->files();
    delta::StatsColumn tight(files, {"tightBounds"});
    for (const FileIndex index : of_) {
      if (files.DeletionVector(index) || files.NumRecords(index).value_or(0) == 0) return false;
      const auto text = tight.Read(index);
      if (text && *text != "true") return false;
    }
    return true;
  }

 private:
  const DeltaScanInfo& info_;  // lives in the bind data for as long as the plan
  delta::SnapshotPtr snapshot_;
  std::vector<FileIndex> of_;
};

}  // namespace

duckdb::unique_ptr<duckdb::BaseStatistics> ColumnStatistics(const DeltaScanInfo& info,
                                                            duckdb::column_t column) {
  // Nothing here is worth reading a large log whole.
  const auto snapshot = info.SnapshotIfLoaded();
  if (!snapshot || info.overlay || snapshot->num_files() > kMaxFiles) return nullptr;
  std::vector<FileIndex> all;
  for (uint32_t i = 0; i < snapshot->num_files(); ++i) all.emplace_back(i);
  return StatisticsOver(info, snapshot->files(), all, column);
}

duckdb::vector<duckdb::PartitionStatistics> PartitionStats(duckdb::ClientContext& context,
                                                           duckdb::GetPartitionStatsInput& input) {
  duckdb::vector<duckdb::PartitionStatistics> result;
  const auto& list =
      input.bind_data->Cast<duckdb::MultiFileBindData>().file_list->Cast<DeltaFileList>();
  // Files narrowed by a condition that not all of their rows meet count nothing.
  if (!list.info().version || !list.EveryRowMatches()) return result;
  auto partition =
      duckdb::make_shared_ptr<ScanPartition>(list.info(), list.Files(), list.BaseFiles());
  const auto rows = partition->Rows();
  if (!rows || *rows < 0) return result;
  duckdb::PartitionStatistics stats;
  stats.count = static_cast<duckdb::idx_t>(*rows);
  stats.count_type = duckdb::CountType::COUNT_EXACT;
  stats.partition_row_group = std::move(partition);
  result.push_back(std::move(stats));
  return result;
}

}  // namespace tarn::duck
