#include "delta/transaction.h"

#include <algorithm>
#include <set>

#include "delta/file_table.h"
#include "delta/identity.h"
#include "delta/properties.h"
#include "delta/row_tracking.h"

namespace tarn::delta {
namespace {

const char* const kRequestOnlyKeys[] = {"delta.minReaderVersion", "delta.minWriterVersion",
                                        "delta.ignoreProtocolDefaults"};
constexpr char kFeaturePrefix[] = "delta.feature.";

std::string NameOf(const Table& table) {
  return table.root().empty() ? "the table" : "table " + table.root();
}

bool IsMapped(const Metadata& metadata) {
  const auto found = metadata.configuration.find("delta.columnMapping.mode");
  return found != metadata.configuration.end() && found->second != "none";
}

bool HasFlag(const Metadata& metadata, const char* key) {
  const auto found = metadata.configuration.find(key);
  if (found == metadata.configuration.end()) return false;
  std::string value = found->second;
  std::transform(value.begin(), value.end(), value.begin(), ::tolower);
  return value == "true";
}

// Properties that only ask for a protocol do not stay in the metadata; features asked for are
// collected.
void TakeRequests(StringMap* configuration, std::vector<std::string>* features) {
  for (const char* key : kRequestOnlyKeys) configuration->erase(key);
  for (auto it = configuration->begin(); it != configuration->end();) {
    if (it->first.rfind(kFeaturePrefix, 0) == 0) {
      features->push_back(it->first.substr(sizeof kFeaturePrefix - 1));
      it = configuration->erase(it);
    } else {
      ++it;
    }
  }
}

std::set<std::string> PhysicalPartitionColumns(const Metadata& metadata, const Schema& schema) {
  std::set<std::string> out;
  for (const std::string& name : metadata.partition_columns) {
    const StructField* field = schema.Find(name);
    out.insert(field == nullptr ? name : field->PhysicalName(IsMapped(metadata)));
  }
  return out;
}

Status CheckMappingChange(ColumnMappingMode before, ColumnMappingMode after,
                          const std::string& table) {
  if (before == after) return Status::Ok();
  if (before == ColumnMappingMode::kNone && after == ColumnMappingMode::kName) return Status::Ok();
  return Status::InvalidArgument(table +
                                 ": delta.columnMapping.mode can only go from none to name; "
                                 "create the table anew for another mode");
}

}  // namespace

Result<std::unique_ptr<Transaction>> Transaction::Begin(std::shared_ptr<Table> table,
                                                        SnapshotPtr base) {
  TARN_CHECK(base != nullptr);
  TARN_RETURN_IF_ERROR(
      CheckWritable(base->protocol(), base->metadata()).WithContext(NameOf(*table)));
  std::unique_ptr<Transaction> transaction(new Transaction());
  transaction->metadata_ = base->metadata();
  transaction->protocol_ = base->protocol();
  transaction->schema_ = base->schema();
  transaction->table_ = std::move(table);
  transaction->base_ = std::move(base);
  return transaction;
}

Result<std::unique_ptr<Transaction>> Transaction::Create(std::shared_ptr<Table> table,
                                                         Metadata metadata) {
  std::unique_ptr<Transaction> transaction(new Transaction());
  transaction->table_ = std::move(table);
  transaction->creating_ = true;
  transaction->operation_ = "CREATE TABLE";
  TARN_RETURN_IF_ERROR(transaction->AdoptMetadata(std::move(metadata), SchemaSource::kCreate));
  return transaction;
}

Result<std::unique_ptr<Transaction>> Transaction::Replace(std::shared_ptr<Table> table,
                                                          SnapshotPtr base, Metadata metadata) {
  TARN_ASSIGN_OR_RETURN(auto transaction, Begin(std::move(table), std::move(base)));
  Transaction& self = *transaction;
  if (self.base_->num_files() > 0) {
    TARN_RETURN_IF_ERROR(self.CheckRemovable(FileIndex(0), /*data_change=*/true));
  }
  self.replacing_ = true;
  self.operation_ = "CREATE OR REPLACE TABLE";
  self.ReadWholeTable();
  for (uint32_t i = 0; i < self.base_->num_files(); ++i) self.removed_[FileIndex(i)] = true;
  for (DomainMetadata domain : self.base_->Domains()) {
    if (domain.domain == "delta.rowTracking") continue;
    domain.removed = true;
    self.domains_.push_back(std::move(domain));
  }
  metadata.id = self.base_->metadata().id;
  TARN_RETURN_IF_ERROR(self.AdoptMetadata(std::move(metadata), SchemaSource::kReplace));
  return transaction;
}

Result<std::unique_ptr<Transaction>> Transaction::Restore(std::shared_ptr<Table> table,
                                                          SnapshotPtr base,
                                                          const Snapshot& target) {
  TARN_ASSIGN_OR_RETURN(auto transaction, Begin(std::move(table), std::move(base)));
  Transaction& self = *transaction;
  if (HasFlag(self.base_->metadata(), "delta.appendOnly")) {
    return Status::Constraint(NameOf(*self.table_) +
                              " is append-only (delta.appendOnly = true): rows cannot be "
                              "changed or removed; unset the property first");
  }
  self.ReadWholeTable();
  TARN_ASSIGN_OR_RETURN(Metadata metadata,
                        WithIdentityMarks(target.metadata(), self.base_->schema()));
  if (!(metadata == self.base_->metadata())) {
    TARN_RETURN_IF_ERROR(self.AdoptMetadata(std::move(metadata), SchemaSource::kReplace));
  }
  const auto then = target.Domain("delta.clustering");
  const auto now = self.base_->Domain("delta.clustering");
  if (then && (!now || now->configuration != then->configuration)) {
    self.domains_.push_back(*then);
  } else if (now && !then) {
    self.domains_.push_back(*now);
    self.domains_.back().removed = true;
  }
  return transaction;
}

Status Transaction::AdoptMetadata(Metadata metadata, SchemaSource source) {
  const std::string name = NameOf(*table_);
  TableEnvironment environment = table_->environment();
  const StringMap previous = base_ == nullptr ? StringMap() : base_->metadata().configuration;
  auto normalized = NormalizeProperties(metadata.configuration, previous);
  if (!normalized.ok()) return normalized.status().WithContext(name);
  metadata.configuration = std::move(*normalized);
  auto parsed = ParseProperties(metadata.configuration);
  if (!parsed.ok()) return parsed.status().WithContext(name);
  auto schema = ParseSchema(metadata.schema_string);
  if (!schema.ok()) return schema.status().WithContext(name);

  const ColumnMappingMode mode = parsed->column_mapping;
  const ColumnMappingMode before =
      base_ == nullptr ? ColumnMappingMode::kNone : base_->column_mapping();
  if (source == SchemaSource::kChange) TARN_RETURN_IF_ERROR(CheckMappingChange(before, mode, name));
  TARN_RETURN_IF_ERROR(ValidateSchemaForWrite(*schema, mode).WithContext(name));
  if (mode != ColumnMappingMode::kNone) {
    int32_t max_id = parsed->max_column_id;
    if (const auto old = previous.find("delta.columnMapping.maxColumnId"); old != previous.end()) {
      max_id = std::max(max_id, static_cast<int32_t>(std::atoi(old->second.c_str())));
    }
    const bool keep_names = source == SchemaSource::kChange && before == ColumnMappingMode::kNone;
    TARN_ASSIGN_OR_RETURN(max_id, AssignColumnMapping(&*schema, max_id, keep_names));
    metadata.configuration["delta.columnMapping.maxColumnId"] = std::to_string(max_id);
  }
  metadata.schema_string = SerializeSchema(*schema);
  TARN_RETURN_IF_ERROR(PrepareRowTracking(&metadata).WithContext(name));
  if (source == SchemaSource::kChange && NeedsRowIds(*base_, metadata)) {
    // Every file is named anew with ids: no other may come or go meanwhile.
    gives_row_ids_ = true;
    ReadWholeTable();
    isolation_ = IsolationLevel::kSerializable;
  }
  TARN_RETURN_IF_ERROR(CheckPartitioning(metadata, *schema, source).WithContext(name));

  const std::optional<Protocol> current =
      base_ == nullptr ? std::nullopt : std::optional(base_->protocol());
  auto protocol = DeriveProtocol(current, metadata, *schema, features_);
  if (!protocol.ok()) return protocol.status().WithContext(name);
  TakeRequests(&metadata.configuration, &features_);
  if (metadata.id.empty()) metadata.id = MakeUuid(*environment.random);
  if (!metadata.created_time_ms) metadata.created_time_ms = environment.clock->NowMillis();

  metadata_ = std::move(metadata);
  schema_ = std::move(*schema);
  protocol_ = std::move(*protocol);
  metadata_changed_ = true;
  protocol_changed_ = !current || !(*current == protocol_);
  return Status::Ok();
}

Status Transaction::CheckPartitioning(const Metadata& metadata, const Schema& schema,
                                      SchemaSource source) const {
  std::set<std::string> seen;
  for (const std::string& name : metadata.partition_columns) {
    const StructField* field = schema.Find(name);
    if (field == nullptr)
      return Status::InvalidArgument("partition column '" + name + "' is not a column");
    if (!seen.insert(field->name).second) {
      return Status::InvalidArgument("partition column '" + name + "' is named twice");
    }
    if (!field->type->is_primitive() || field->type->kind == TypeKind::kVariant ||
        field->type->kind == TypeKind::kVoid) {
      return Status::InvalidArgument("column '" + name + "' of type " + field->type->ToString() +
                                     " cannot partition a table");
    }
  }
  if (!seen.empty() && seen.size() == schema.fields.size()) {
    return Status::InvalidArgument("every column is a partition column; leave at least one out");
  }
  if (source == SchemaSource::kChange && base_ != nullptr &&
      PhysicalPartitionColumns(metadata, schema) !=
          PhysicalPartitionColumns(base_->metadata(), base_->schema())) {
    return Status::InvalidArgument(
        "the partition columns of a table with data cannot change; CREATE OR "
        "REPLACE it");
  }
  return Status::Ok();
}

void Transaction::SetOperation(std::string name, StringMap parameters) {
  operation_ = std::move(name);
  operation_parameters_ = std::move(parameters);
}

void Transaction::SetMetric(const std::string& name, int64_t value) {
  operation_metrics_[name] = std::to_string(value);
}

void Transaction::SetUserMetadata(std::string text) { user_metadata_ = std::move(text); }

Status Transaction::SetMetadata(Metadata metadata) {
  const SchemaSource source = creating_    ? SchemaSource::kCreate
                              : replacing_ ? SchemaSource::kReplace
                                           : SchemaSource::kChange;
  return AdoptMetadata(std::move(metadata), source);
}

Status Transaction::RequireFeature(const std::string& feature) {
  if (ProtocolSupports(protocol_, feature)) return Status::Ok();
  std::vector<std::string> features = features_;
  features.push_back(feature);
  const std::optional<Protocol> current =
      base_ == nullptr ? std::nullopt : std::optional(base_->protocol());
  auto protocol = DeriveProtocol(current, metadata_, schema_, features);
  if (!protocol.ok()) return protocol.status().WithContext(NameOf(*table_));
  features_ = std::move(features);
  protocol_ = std::move(*protocol);
  protocol_changed_ = true;
  return Status::Ok();
}

Status Transaction::DropFeature(const std::string& feature) {
  auto protocol = WithoutFeature(protocol_, metadata_, schema_, feature);
  if (!protocol.ok()) return protocol.status().WithContext(NameOf(*table_));
  const auto domain_of = [](const std::string& name) -> std::string {
    if (name == "clustering") return "delta.clustering";
    return name == "rowTracking" ? "delta.rowTracking" : "";
  };
  if (feature == "clustering" && base_ != nullptr) {
    const auto domain = base_->Domain("delta.clustering");
    if (domain && domain->configuration.find("\"clusteringColumns\":[]") == std::string::npos) {
      return Status::InvalidArgument(NameOf(*table_) +
                                     " is clustered: ALTER TABLE … CLUSTER BY NONE first");
    }
  }
  static constexpr std::pair<const char*, const char*> kTraces[] = {
      {"inCommitTimestamp", "delta.enableInCommitTimestamps"},
      {"inCommitTimestamp", "delta.inCommitTimestampEnablementVersion"},
      {"inCommitTimestamp", "delta.inCommitTimestampEnablementTimestamp"},
      {"rowTracking", "delta.enableRowTracking"},
      {"rowTracking", "delta.rowTracking.materializedRowIdColumnName"},
      {"rowTracking", "delta.rowTracking.materializedRowCommitVersionColumnName"},
  };
  for (const auto& [owner, key] : kTraces) {
    if (feature == owner && metadata_.configuration.erase(key) > 0) metadata_changed_ = true;
  }
  const std::string domain = domain_of(feature);
  if (!domain.empty() && base_ != nullptr && base_->Domain(domain)) {
    DomainMetadata removed = *base_->Domain(domain);
    removed.removed = true;
    SetDomain(std::move(removed));
  }
  protocol_ = std::move(*protocol);
  protocol_changed_ = true;
  return Status::Ok();
}

Status Transaction::CheckAddable(const AddFile& file) const {
  const std::string name = NameOf(*table_) + ": file " + file.path;
  if (file.path.empty())
    return Status::InvalidArgument(NameOf(*table_) + ": a file without a path");
  const std::set<std::string> wanted = PhysicalPartitionColumns(metadata_, schema_);
  for (const std::string& column : wanted) {
    if (file.partition_values.count(column) == 0) {
      return Status::InvalidArgument(name + " has no value for partition column " + column);
    }
  }
  if (file.partition_values.size() != wanted.size()) {
    return Status::InvalidArgument(name +
                                   " has values for columns that do not partition the table");
  }
  if (file.deletion_vector && file.stats.find("\"numRecords\"") == std::string::npos) {
    return Status::InvalidArgument(name +
                                   " has a deletion vector but no numRecords in its statistics");
  }
  return Status::Ok();
}

Status Transaction::AddDataFile(AddFile file) {
  TARN_RETURN_IF_ERROR(CheckAddable(file));
  if (file.deletion_vector && !HasFlag(metadata_, "delta.enableDeletionVectors")) {
    return Status::InvalidArgument(NameOf(*table_) + ": file " + file.path +
                                   " has a deletion vector, which the table does not allow");
  }
  adds_.push_back(std::move(file));
  return Status::Ok();
}

Status Transaction::AddExistingFile(AddFile file) {
  TARN_RETURN_IF_ERROR(CheckAddable(file));
  if (file.deletion_vector) TARN_RETURN_IF_ERROR(RequireFeature("deletionVectors"));
  adds_.push_back(std::move(file));
  return Status::Ok();
}

Status Transaction::CheckRemovable(FileIndex index, bool data_change) const {
  if (base_ == nullptr || index.value() >= base_->num_files()) {
    return Status::Internal(NameOf(*table_) + ": file " + index.ToString() +
                            " is not in the base snapshot");
  }
  if (data_change && HasFlag(base_->metadata(), "delta.appendOnly")) {
    return Status::Constraint(NameOf(*table_) +
                              " is append-only (delta.appendOnly = true): rows cannot be "
                              "changed or removed; unset the property first");
  }
  return Status::Ok();
}

Status Transaction::RemoveDataFile(FileIndex index, bool data_change) {
  TARN_RETURN_IF_ERROR(CheckRemovable(index, data_change));
  if (removed_.count(index) != 0) {
    return Status::InvalidArgument(NameOf(*table_) + ": file " + base_->File(index).path +
                                   " is removed twice in one transaction");
  }
  new_vectors_.erase(index);
  removed_[index] = data_change;
  return Status::Ok();
}

Status Transaction::UpdateDeletionVector(FileIndex index, DeletionVectorDescriptor all_deleted) {
  TARN_RETURN_IF_ERROR(CheckRemovable(index, /*data_change=*/true));
  const std::string path(base_->files().Path(index));
  const std::string name = NameOf(*table_) + ": file " + path;
  if (removed_.count(index) != 0) {
    return Status::InvalidArgument(name + " is removed in this transaction already");
  }
  if (!HasFlag(metadata_, "delta.enableDeletionVectors") ||
      !ProtocolSupports(protocol_, "deletionVectors")) {
    return Status::Unsupported(NameOf(*table_) +
                               " does not allow new deletion vectors; rewrite the file, or "
                               "set delta.enableDeletionVectors = true");
  }
  const std::optional<int64_t> records = base_->files().NumRecords(index);
  if (!records) {
    return Status::Unsupported(
        name +
        " has no numRecords in its statistics, which a deletion vector needs; "
        "rewrite the file");
  }
  const DeletionVectorDescriptor* old = base_->files().DeletionVector(index);
  if (all_deleted.cardinality > *records ||
      (old != nullptr && all_deleted.cardinality < old->cardinality)) {
    return Status::Internal(
        name + ": a deletion vector of " + std::to_string(all_deleted.cardinality) +
        " rows cannot follow one of " + std::to_string(old == nullptr ? 0 : old->cardinality) +
        " over " + std::to_string(*records) + " rows");
  }
  if (all_deleted.cardinality == *records) return RemoveDataFile(index);
  new_vectors_[index] = std::move(all_deleted);
  return Status::Ok();
}

void Transaction::AddChangeFile(AddCdcFile file) { change_files_.push_back(std::move(file)); }

void Transaction::SetAppTransaction(const std::string& app_id, int64_t version) {
  std::erase_if(app_transactions_, [&](const SetTransaction& t) { return t.app_id == app_id; });
  app_transactions_.push_back({app_id, version, table_->environment().clock->NowMillis()});
}

void Transaction::SetDomain(DomainMetadata domain) {
  std::erase_if(domains_, [&](const DomainMetadata& d) { return d.domain == domain.domain; });
  domains_.push_back(std::move(domain));
}

bool Transaction::HasChanges() const {
  return creating_ || replacing_ || metadata_changed_ || protocol_changed_ || !adds_.empty() ||
         !removed_.empty() || !new_vectors_.empty() || !change_files_.empty() ||
         !app_transactions_.empty() || !domains_.empty();
}

bool Transaction::IsRemoved(FileIndex index) const { return removed_.count(index) != 0; }

std::optional<DeletionVectorDescriptor> Transaction::NewDeletionVector(FileIndex index) const {
  const auto found = new_vectors_.find(index);
  return found == new_vectors_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace tarn::delta
