#include "delta/snapshot.h"

#include "delta/prune.h"
#include "delta/snapshot_builder.h"

namespace tarn::delta {

Snapshot::Snapshot(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Snapshot::~Snapshot() = default;

const Snapshot::Parts& PartsOf(const Snapshot& snapshot) { return *snapshot.parts_; }

Version Snapshot::version() const { return parts_->version; }
int64_t Snapshot::timestamp_ms() const { return parts_->timestamp_ms; }
const Protocol& Snapshot::protocol() const { return *parts_->protocol; }
const Metadata& Snapshot::metadata() const { return *parts_->metadata; }
const Schema& Snapshot::schema() const { return *parts_->schema; }
ColumnMappingMode Snapshot::column_mapping() const { return parts_->mapping; }

std::optional<std::string> Snapshot::Property(const std::string& key) const {
  const auto found = parts_->metadata->configuration.find(key);
  if (found == parts_->metadata->configuration.end()) return std::nullopt;
  return found->second;
}

uint32_t Snapshot::num_files() const { return parts_->files.size(); }
int64_t Snapshot::total_size_bytes() const { return parts_->files.totals().size_bytes; }
AddFile Snapshot::File(FileIndex index) const { return parts_->files.ToAddFile(index); }

std::optional<FileIndex> Snapshot::FindFile(const std::string& path) const {
  return parts_->files.Find(path);
}

std::optional<int64_t> Snapshot::num_rows() const {
  const FileTotals& totals = parts_->files.totals();
  if (totals.files_without_records > 0) return std::nullopt;
  return totals.records - totals.deleted_records;
}

const FileTable& Snapshot::files() const { return parts_->files; }

std::vector<Snapshot::Candidate> Snapshot::Prune(const Predicate& predicate) const {
  return Pruner(*parts_->schema, parts_->metadata->partition_columns,
                parts_->mapping != ColumnMappingMode::kNone, predicate)
      .Prune(parts_->files);
}

std::vector<RemoveFile> Snapshot::Tombstones() const {
  std::vector<RemoveFile> removes;
  removes.reserve(parts_->tombstones.size());
  for (uint32_t i = 0; i < parts_->tombstones.size(); ++i) {
    removes.push_back(parts_->tombstones.ToRemoveFile(FileIndex(i)));
  }
  return removes;
}

std::optional<SetTransaction> Snapshot::AppTransaction(const std::string& app_id) const {
  const auto found = parts_->transactions->find(app_id);
  if (found == parts_->transactions->end()) return std::nullopt;
  return found->second;
}

std::vector<SetTransaction> Snapshot::AppTransactions() const {
  std::vector<SetTransaction> all;
  for (const auto& [id, txn] : *parts_->transactions) all.push_back(txn);
  return all;
}

std::optional<DomainMetadata> Snapshot::Domain(const std::string& domain) const {
  const auto found = parts_->domains->find(domain);
  if (found == parts_->domains->end()) return std::nullopt;
  return found->second;
}

std::vector<DomainMetadata> Snapshot::Domains() const {
  std::vector<DomainMetadata> all;
  for (const auto& [name, domain] : *parts_->domains) all.push_back(domain);
  return all;
}

}  // namespace tarn::delta
