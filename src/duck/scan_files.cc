#include "duck/scan_files.h"

#include <algorithm>
#include <utility>

#include "delta/file_table.h"
#include "delta/prune.h"
#include "duck/delta_table_entry.h"
#include "duck/filter_predicate.h"
#include "duck/generated_filter.h"
#include "duck/status_exception.h"
#include "duck/store_file_system.h"
#include "duckdb/common/string_util.hpp"
#include "duckdb/planner/expression/bound_columnref_expression.hpp"
#include "duckdb/planner/operator/logical_get.hpp"
#include "duckdb/storage/statistics/node_statistics.hpp"

namespace tarn::duck {

using delta::FileIndex;
using delta::Predicate;

std::shared_ptr<const ScanOverlay> OverlayOf(const delta::Transaction* staged,
                                             const delta::SnapshotPtr& snapshot) {
  if (!staged) return nullptr;
  auto overlay = std::make_shared<ScanOverlay>();
  overlay->added = staged->added_files();
  if (snapshot) {
    for (uint32_t i = 0; i < snapshot->num_files(); ++i) {
      const FileIndex index(i);
      if (staged->IsRemoved(index)) {
        overlay->removed.insert(index);
      } else if (auto vector = staged->NewDeletionVector(index)) {
        overlay->vectors.emplace(index, *vector);
      }
    }
  }
  if (overlay->added.empty() && overlay->removed.empty() && overlay->vectors.empty())
    return nullptr;
  return overlay;
}

delta::SnapshotPtr DeltaScanInfo::Snapshot() const {
  return version ? ValueOrThrow(version->Full()) : nullptr;
}

delta::SnapshotPtr DeltaScanInfo::SnapshotIfLoaded() const {
  return version ? version->IfLoaded() : nullptr;
}

std::optional<uint64_t> DeltaScanInfo::TotalFiles() const {
  const auto base = version ? version->num_files() : std::optional<int64_t>(0);
  if (!base || !overlay) return base;
  return *base - overlay->removed.size() + overlay->added.size();
}

bool DeltaScanInfo::IsPartitionColumn(const std::string& logical_name) const {
  return std::any_of(partition_columns.begin(), partition_columns.end(), [&](const auto& name) {
    return duckdb::StringUtil::CIEquals(name, logical_name);
  });
}

namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string DecodeUri(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out.push_back(static_cast<char>(high * 16 + low));
        i += 2;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

}  // namespace

bool IsZoneless(const std::string& timestamp_text) {
  if (timestamp_text.empty() || timestamp_text.back() == 'Z') return false;
  const size_t time = timestamp_text.find_first_of("T ");
  return time == std::string::npos || timestamp_text.find_first_of("+-", time) == std::string::npos;
}

namespace {

bool IsUtc(duckdb::ClientContext& context) {
  duckdb::Value zone;
  if (!context.TryGetCurrentSetting("TimeZone", zone)) return true;
  const std::string name = zone.ToString();
  return name == "UTC" || name == "Etc/UTC" || name == "GMT";
}

// Partition timestamps without a zone mean the session's; files are judged as if it were UTC.
bool CanPrune(duckdb::ClientContext& context, const DeltaScanInfo& info,
              const delta::StructField& field) {
  return field.type->kind != delta::TypeKind::kTimestamp || !info.IsPartitionColumn(field.name) ||
         IsUtc(context);
}

}  // namespace

Result<std::string> EnginePathOf(delta::Table& table, const std::string& logged_path) {
  const auto key = table.KeyOf(logged_path);
  if (key.ok()) return table.environment().store->EnginePath(*key);
  // Files of a shallow clone or a moved table lie outside the store's root: local ones can be
  // opened.
  std::string_view path = logged_path;
  for (std::string_view scheme : {"file://", "file:"}) {
    if (path.substr(0, scheme.size()) == scheme) {
      path.remove_prefix(scheme.size());
      break;
    }
  }
  if (!path.empty() && path.front() == '/') return DecodeUri(path);
  // Objects of another bucket or prefix: the file system knows whether it can reach them.
  for (std::string_view scheme : {"s3://", "s3a://"}) {
    if (path.substr(0, scheme.size()) == scheme) return DecodeUri(path);
  }
  return key.status();
}

DeltaFileList::DeltaFileList(std::shared_ptr<DeltaScanInfo> info, Predicate predicate)
    : info_(std::move(info)), predicate_(std::move(predicate)) {}

const std::vector<uint64_t>& DeltaFileList::Ordinals() const {
  std::call_once(once_, [this] {
    Find();
    found_ = true;
  });
  return ordinals_;
}

void DeltaFileList::Find() const {
  const ScanOverlay* overlay = info_->overlay.get();
  if (info_->version) {
    // What a transaction has staged refers to positions among all files.
    if (overlay) files_ = info_->Snapshot();
    if (!files_) files_ = ValueOrThrow(info_->version->Matching(predicate_));
    for (const auto& candidate : files_->Prune(predicate_)) {
      if (overlay && overlay->removed.count(candidate.index)) continue;
      ordinals_.push_back(FileOrdinal::Base(candidate.index));
      every_row_matches_ &= candidate.verdict == delta::Verdict::kAll;
    }
  }
  every_row_matches_ &= overlay == nullptr;
  if (!overlay) return;
  const bool all = predicate_.kind == delta::PredicateKind::kTrue;
  // A column that some files hold cannot be judged by what the log lacks of them.
  std::vector<std::string> partitions = info_->partition_columns;
  std::erase(partitions, info_->column_in_some_files);
  const delta::Pruner pruner(info_->schema, partitions,
                             info_->mapping != delta::ColumnMappingMode::kNone, predicate_);
  for (size_t i = 0; i < overlay->added.size(); ++i) {
    if (!all && pruner.Judge(overlay->added[i]) == delta::Verdict::kNone) continue;
    ordinals_.push_back(FileOrdinal::Added(i));
  }
}

bool DeltaFileList::EveryRowMatches() const {
  Ordinals();
  return every_row_matches_;
}

std::vector<FileIndex> DeltaFileList::BaseFiles() const {
  std::vector<FileIndex> out;
  for (const uint64_t ordinal : Ordinals()) {
    if (!FileOrdinal::IsAdded(ordinal)) out.push_back(FileOrdinal::BaseIndex(ordinal));
  }
  return out;
}

ScanFile DeltaFileList::FileAt(size_t position) const {
  ScanFile file;
  const uint64_t ordinal = Ordinals().at(position);
  if (FileOrdinal::IsAdded(ordinal)) {
    file.added = FileOrdinal::AddedPosition(ordinal);
    file.add = info_->overlay->added.at(*file.added);
    return file;
  }
  const FileIndex index = FileOrdinal::BaseIndex(ordinal);
  file.add = files_->File(index);
  if (info_->overlay) {
    const auto it = info_->overlay->vectors.find(index);
    if (it != info_->overlay->vectors.end()) file.add.deletion_vector = it->second;
  }
  return file;
}

uint64_t DeltaFileList::OrdinalAt(size_t position) const {
  const uint64_t ordinal = Ordinals().at(position);
  if (FileOrdinal::IsAdded(ordinal)) return ordinal;
  const auto all = info_->Snapshot();
  if (all == files_) return ordinal;
  const auto add = files_->File(FileOrdinal::BaseIndex(ordinal));
  const auto* vector = add.deletion_vector ? &*add.deletion_vector : nullptr;
  const auto found = all->files().Find(add.path, vector);
  if (!found) {
    throw duckdb::InternalException("file '%s' of table %s is in a part of its version only",
                                    add.path, info_->table_name);
  }
  return FileOrdinal::Base(*found);
}

namespace {

// A text that only equal predicates share, unlike the one for people: names and values may hold
// whatever separates them, and a conjunct taken for another one would not be judged.
std::string KeyOf(const Predicate& predicate) {
  std::string out = std::to_string(static_cast<int>(predicate.kind));
  const auto add = [&](const std::string& part) {
    out += ":" + std::to_string(part.size()) + ":" + part;
  };
  out += "/" + std::to_string(predicate.column.size());
  for (const std::string& name : predicate.column) add(name);
  out += "/" + std::to_string(predicate.values.size());
  for (const delta::Value& value : predicate.values) {
    out += "," + std::to_string(value.rep().index());
    add(value.ToString());
  }
  out += "/" + std::to_string(predicate.children.size());
  for (const Predicate& child : predicate.children) add(KeyOf(child));
  return out;
}

}  // namespace

duckdb::unique_ptr<duckdb::MultiFileList> DeltaFileList::Narrow(std::vector<Predicate> more) const {
  std::set<std::string> conjuncts = conjuncts_;
  std::vector<Predicate> added;
  for (auto& predicate : more) {
    if (predicate.kind == delta::PredicateKind::kUnknown ||
        predicate.kind == delta::PredicateKind::kTrue) {
      continue;
    }
    if (conjuncts.insert(KeyOf(predicate)).second) added.push_back(std::move(predicate));
  }
  if (added.empty()) return nullptr;
  if (predicate_.kind != delta::PredicateKind::kTrue) added.insert(added.begin(), predicate_);
  Predicate combined = added.size() == 1 ? std::move(added[0]) : Predicate::And(std::move(added));
  auto list = duckdb::make_uniq<DeltaFileList>(info_, std::move(combined));
  list->conjuncts_ = std::move(conjuncts);
  if (found_) list->files_ = files_;
  return list;
}

duckdb::unique_ptr<duckdb::MultiFileList> DeltaFileList::ComplexFilterPushdown(
    duckdb::ClientContext& context, const duckdb::MultiFileOptions& options,
    duckdb::MultiFilePushdownInfo& info,
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& filters) const {
  const ColumnResolver resolve = [&](const duckdb::Expression& expr) -> std::optional<ColumnPath> {
    if (expr.GetExpressionClass() != duckdb::ExpressionClass::BOUND_COLUMN_REF) return std::nullopt;
    const auto& column = expr.Cast<duckdb::BoundColumnRefExpression>();
    if (column.depth != 0 || column.binding.table_index != info.table_index ||
        column.binding.column_index >= info.column_ids.size()) {
      return std::nullopt;
    }
    const auto id = info.column_ids[column.binding.column_index];
    if (duckdb::IsVirtualColumn(id) || id >= info_->schema.fields.size() ||
        info_->types[id] != column.return_type) {
      return std::nullopt;
    }
    const auto& field = info_->schema.fields[id];
    if (!CanPrune(context, *info_, field)) return std::nullopt;
    return ColumnPath{{field.name}, field.type.get()};
  };
  std::vector<Predicate> more;
  bool exact = true;
  for (const auto& filter : filters) {
    more.push_back(ToPredicate(*filter, resolve));
    exact = exact && IsExact(more.back());
  }
  for (size_t i = 0, given = more.size(); i < given; ++i) {
    for (auto& implied : ImpliedByGeneration(more[i], info_->schema, info_->partition_columns)) {
      more.push_back(std::move(implied));
    }
  }
  auto list = Narrow(std::move(more));
  // Where every row of every file that is left matches, nothing needs to be filtered, and COUNT,
  // MIN and MAX can be had from the log.
  if (exact && (list ? list->Cast<DeltaFileList>() : *this).EveryRowMatches()) filters.clear();
  return list;
}

duckdb::unique_ptr<duckdb::MultiFileList> DeltaFileList::DynamicFilterPushdown(
    duckdb::ClientContext& context, const duckdb::MultiFileOptions& options,
    const duckdb::vector<duckdb::string>& names, const duckdb::vector<duckdb::LogicalType>& types,
    const duckdb::vector<duckdb::column_t>& column_ids, duckdb::TableFilterSet& filters) const {
  std::vector<Predicate> more;
  for (const auto& entry : filters.filters) {
    const auto id = column_ids[entry.first];
    if (duckdb::IsVirtualColumn(id) || id >= info_->schema.fields.size()) continue;
    const auto& field = info_->schema.fields[id];
    if (!CanPrune(context, *info_, field)) continue;
    more.push_back(ToPredicate(*entry.second, ColumnPath{{field.name}, field.type.get()}));
  }
  return Narrow(std::move(more));
}

duckdb::vector<duckdb::OpenFileInfo> DeltaFileList::GetAllFiles() const {
  duckdb::vector<duckdb::OpenFileInfo> out;
  for (duckdb::idx_t i = 0; i < GetTotalFileCount(); ++i) out.push_back(GetFile(i));
  return out;
}

duckdb::vector<duckdb::OpenFileInfo> DeltaFileList::GetDisplayFileList(
    duckdb::optional_idx max_files) const {
  duckdb::vector<duckdb::OpenFileInfo> out;
  duckdb::idx_t count = GetTotalFileCount();
  if (max_files.IsValid()) count = std::min(count, max_files.GetIndex());
  for (duckdb::idx_t i = 0; i < count; ++i) out.push_back(GetFile(i));
  return out;
}

duckdb::FileExpandResult DeltaFileList::GetExpandResult() const {
  // Never SINGLE_FILE: DuckDB would then take shortcuts that look at the file behind our back.
  return duckdb::FileExpandResult::MULTIPLE_FILES;
}

duckdb::idx_t DeltaFileList::GetTotalFileCount() const { return Ordinals().size(); }

// Without statistics at hand: a column takes some bytes per row of a compressed file.
duckdb::unique_ptr<duckdb::NodeStatistics> DeltaFileList::EstimateFromSizes() const {
  constexpr uint64_t kBytesPerValue = 8;
  uint64_t bytes = 0;
  for (const uint64_t ordinal : ordinals_) {
    if (!FileOrdinal::IsAdded(ordinal)) {
      bytes += static_cast<uint64_t>(files_->files().SizeBytes(FileOrdinal::BaseIndex(ordinal)));
    }
  }
  return duckdb::make_uniq<duckdb::NodeStatistics>(
      bytes / (kBytesPerValue * std::max<size_t>(info_->schema.fields.size(), 1)) + 1);
}

duckdb::unique_ptr<duckdb::NodeStatistics> DeltaFileList::GetCardinality(
    duckdb::ClientContext& context) const {
  const auto& ordinals = Ordinals();
  if (!files_) return duckdb::make_uniq<duckdb::NodeStatistics>(ordinals.size() * 1000);
  const auto& totals = files_->files().totals();
  const int64_t known_files = totals.files - totals.files_without_records;
  if (known_files <= 0) return EstimateFromSizes();
  const double per_file =
      static_cast<double>(std::max<int64_t>(totals.records - totals.deleted_records, 0)) /
      static_cast<double>(known_files);
  return duckdb::make_uniq<duckdb::NodeStatistics>(
      static_cast<duckdb::idx_t>(per_file * static_cast<double>(ordinals.size())));
}

duckdb::unique_ptr<duckdb::MultiFileList> DeltaFileList::Copy() const {
  auto copy = duckdb::make_uniq<DeltaFileList>(info_, predicate_);
  copy->conjuncts_ = conjuncts_;
  if (found_) copy->files_ = files_;
  return copy;
}

duckdb::OpenFileInfo DeltaFileList::GetFile(duckdb::idx_t i) const {
  if (i >= Ordinals().size()) return duckdb::OpenFileInfo();
  const uint64_t ordinal = Ordinals()[i];
  if (FileOrdinal::IsAdded(ordinal)) {
    const auto& add = info_->overlay->added.at(FileOrdinal::AddedPosition(ordinal));
    return ImmutableFile(ValueOrThrow(EnginePathOf(*info_->table, add.path)),
                         static_cast<uint64_t>(add.size_bytes));
  }
  const auto& files = files_->files();
  const FileIndex index = FileOrdinal::BaseIndex(ordinal);
  return ImmutableFile(ValueOrThrow(EnginePathOf(*info_->table, std::string(files.Path(index)))),
                       static_cast<uint64_t>(files.SizeBytes(index)));
}

}  // namespace tarn::duck
