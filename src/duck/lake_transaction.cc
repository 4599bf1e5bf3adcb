#include "duck/lake_transaction.h"

#include <algorithm>
#include <utility>

#include "duck/delta_table_entry.h"
#include "duck/extension.h"
#include "duck/folder_removal.h"
#include "duck/lake_catalog.h"
#include "duck/lake_schema_entry.h"
#include "duck/optimize.h"
#include "duck/status_exception.h"
#include "duck/table_naming.h"
#include "duckdb/common/string_util.hpp"
#include "duckdb/main/attached_database.hpp"
#include "duckdb/main/client_context.hpp"
#include "duckdb/parser/parsed_data/create_schema_info.hpp"

namespace tarn::duck {

using duckdb::StringUtil;
using Guard = std::lock_guard<std::recursive_mutex>;

// --- LakeSessionState ---

duckdb::shared_ptr<LakeSessionState> LakeSessionState::Get(duckdb::ClientContext& context) {
  return context.registered_state->GetOrCreate<LakeSessionState>("tarn_lake");
}

void LakeSessionState::Annotate(const std::string& table, CommitAnnotations annotations) {
  std::lock_guard<std::mutex> guard(mutex_);
  pending_[StringUtil::Lower(table)] = std::move(annotations);
}

std::optional<CommitAnnotations> LakeSessionState::Find(const std::string& table) {
  std::lock_guard<std::mutex> guard(mutex_);
  const auto it = pending_.find(StringUtil::Lower(table));
  if (it == pending_.end()) return std::nullopt;
  return it->second;
}

void LakeSessionState::Finish(std::vector<TableCommit> commits) {
  std::lock_guard<std::mutex> guard(mutex_);
  pending_.clear();
  last_ = std::move(commits);
}

std::vector<TableCommit> LakeSessionState::LastCommits() {
  std::lock_guard<std::mutex> guard(mutex_);
  return last_;
}

void LakeSessionState::NoteCommitFailure(std::optional<Status> failure) {
  std::lock_guard<std::mutex> guard(mutex_);
  commit_failure_ = std::move(failure);
}

std::optional<Status> LakeSessionState::CommitFailure() {
  std::lock_guard<std::mutex> guard(mutex_);
  return commit_failure_;
}

// --- LakeTransaction ---

struct LakeTransaction::TableState {
  std::shared_ptr<delta::Table> table;
  std::string qualified_name;
  delta::TableVersionPtr pinned;
  std::unique_ptr<delta::Transaction> staged;
  bool creating = false;  // first commit or replacement: the base's files do not show
  bool if_not_exists = false;
  bool dropped = false;
  std::optional<OverwriteIntent> overwrite;
};

LakeTransaction::LakeTransaction(LakeCatalog& catalog, duckdb::TransactionManager& manager,
                                 duckdb::ClientContext& context)
    : duckdb::Transaction(manager, context), catalog_(catalog) {}

LakeTransaction::~LakeTransaction() = default;

LakeTransaction& LakeTransaction::Get(duckdb::ClientContext& context, duckdb::Catalog& catalog) {
  return duckdb::Transaction::Get(context, catalog).Cast<LakeTransaction>();
}

LakeTransaction::TableState& LakeTransaction::StateOf(const std::shared_ptr<delta::Table>& table) {
  auto& state = tables_[table->root()];
  if (!state) {
    state = std::make_unique<TableState>();
    state->table = table;
    state->qualified_name = StringUtil::Replace(table->root(), "/", ".");
  }
  return *state;
}

delta::TableVersionPtr LakeTransaction::PinnedVersion(const std::shared_ptr<delta::Table>& table) {
  Guard guard(mutex_);
  auto& state = StateOf(table);
  if (!state.pinned) {
    state.pinned = ValueOrThrow(table->LatestVersion());
    NoteUse(table);
  }
  return state.pinned;
}

void LakeTransaction::NoteUse(const std::shared_ptr<delta::Table>& table) {
  const auto client = context.lock();
  duckdb::Value budget;
  if (client && client->TryGetCurrentSetting(kSnapshotCacheSetting, budget)) {
    catalog_.state().NoteUse(table, budget.GetValue<uint64_t>());
  }
}

delta::SnapshotPtr LakeTransaction::PinnedSnapshot(const std::shared_ptr<delta::Table>& table) {
  return ValueOrThrow(PinnedVersion(table)->Full());
}

void LakeTransaction::NoteScan(const std::shared_ptr<delta::Table>& table, duckdb::idx_t query) {
  Guard guard(mutex_);
  scans_[table.get()] = query;
}

bool LakeTransaction::WasScannedBy(const std::shared_ptr<delta::Table>& table,
                                   duckdb::idx_t query) const {
  Guard guard(mutex_);
  const auto it = scans_.find(table.get());
  return it != scans_.end() && it->second == query;
}

delta::Transaction* LakeTransaction::StagedFor(const std::shared_ptr<delta::Table>& table) {
  Guard guard(mutex_);
  const auto it = tables_.find(table->root());
  return it == tables_.end() ? nullptr : it->second->staged.get();
}

bool LakeTransaction::IsCreating(const std::shared_ptr<delta::Table>& table) const {
  return IsCreating(table->root());
}

bool LakeTransaction::IsCreating(const std::string& root) const {
  Guard guard(mutex_);
  const auto it = tables_.find(root);
  return it != tables_.end() && it->second->staged && it->second->creating;
}

delta::Transaction& LakeTransaction::WriteTo(const DeltaTableEntry& entry) {
  Guard guard(mutex_);
  if (entry.is_time_travel()) {
    throw duckdb::InvalidInputException(
        "table %s is read at an older version, which cannot be changed; write to it without AT",
        entry.QualifiedName());
  }
  if (catalog_.GetAttached().IsReadOnly()) {
    throw duckdb::InvalidInputException("lake %s is attached read-only", catalog_.GetDBPath());
  }
  auto& state = StateOf(entry.table());
  if (state.staged) return *state.staged;
  auto begun = delta::Transaction::Begin(entry.table(), PinnedSnapshot(entry.table()));
  ThrowIfError(NamingTable(begun.status(), entry.table()->root(), entry.QualifiedName()));
  state.staged = std::move(begun).value();
  state.qualified_name = entry.QualifiedName();
  write_order_.push_back(entry.table()->root());
  return *state.staged;
}

delta::Transaction& LakeTransaction::StageCreate(const std::string& qualified_name,
                                                 std::shared_ptr<delta::Table> table,
                                                 delta::Metadata metadata, bool replace,
                                                 bool if_not_exists) {
  Guard guard(mutex_);
  auto& state = StateOf(table);
  const bool first_write = !state.staged;
  // DROP and CREATE of one name in a transaction is a replacement: one atomic commit.
  if ((replace || state.dropped) && ValueOrThrow(table->Exists())) {
    auto staged = delta::Transaction::Replace(table, PinnedSnapshot(table), std::move(metadata));
    ThrowIfError(NamingTable(staged.status(), table->root(), qualified_name));
    state.staged = std::move(staged).value();
  } else {
    auto staged = delta::Transaction::Create(table, std::move(metadata));
    ThrowIfError(NamingTable(staged.status(), table->root(), qualified_name));
    state.staged = std::move(staged).value();
  }
  state.qualified_name = qualified_name;
  state.creating = true;
  state.dropped = false;
  state.if_not_exists = if_not_exists;
  if (first_write) write_order_.push_back(table->root());
  InvalidateEntries(table);
  return *state.staged;
}

void LakeTransaction::StageDropTable(const std::string& qualified_name,
                                     std::shared_ptr<delta::Table> table) {
  Guard guard(mutex_);
  auto& state = StateOf(table);
  state.qualified_name = qualified_name;
  state.staged.reset();
  state.creating = false;
  state.dropped = true;
  write_order_.erase(std::remove(write_order_.begin(), write_order_.end(), table->root()),
                     write_order_.end());
  InvalidateEntries(table);
}

void LakeTransaction::StageObject(const std::string& key, std::optional<std::string> bytes) {
  Guard guard(mutex_);
  staged_objects_.emplace_back(key, std::move(bytes));
  entry_cache_.erase(key);
}

std::optional<std::string> LakeTransaction::ReadObject(const std::string& key) {
  Guard guard(mutex_);
  for (auto it = staged_objects_.rbegin(); it != staged_objects_.rend(); ++it) {
    if (it->first == key) return it->second;
  }
  if (!store::ValidateKey(key).ok()) return std::nullopt;
  auto bytes = catalog_.store()->Get(key);
  if (bytes.ok()) return std::move(bytes).value();
  if (bytes.status().code() == StatusCode::kNotFound) return std::nullopt;
  ThrowStatus(bytes.status());
}

const std::vector<std::string>& LakeTransaction::RootFolders() {
  Guard guard(mutex_);
  if (!root_folders_) root_folders_ = ValueOrThrow(catalog_.store()->ListFolder("")).folders;
  return *root_folders_;
}

std::map<std::string, bool> LakeTransaction::StagedObjects(const std::string& prefix) const {
  Guard guard(mutex_);
  std::map<std::string, bool> out;
  for (const auto& [key, bytes] : staged_objects_) {
    if (key.compare(0, prefix.size(), prefix) == 0) out[key] = bytes.has_value();
  }
  return out;
}

bool LakeTransaction::IsDropped(const std::string& root) const {
  Guard guard(mutex_);
  const auto it = tables_.find(root);
  return it != tables_.end() && it->second->dropped;
}

void LakeTransaction::StageDropSchema(const std::string& folder) {
  Guard guard(mutex_);
  StageObject(folder + "/.schema.json", std::nullopt);
  dropped_schemas_.insert(folder);
}

bool LakeTransaction::IsSchemaDropped(const std::string& folder) const {
  Guard guard(mutex_);
  if (!dropped_schemas_.count(folder)) return false;
  const auto staged = StagedObjects(folder + "/.schema.json");
  return staged.empty() || !staged.begin()->second;
}

std::vector<std::string> LakeTransaction::CreatedTables(const std::string& schema_folder) const {
  Guard guard(mutex_);
  std::vector<std::string> names;
  const std::string prefix = schema_folder + "/";
  for (const auto& [root, state] : tables_) {
    if (state->staged && state->creating && root.compare(0, prefix.size(), prefix) == 0) {
      names.push_back(root.substr(prefix.size()));
    }
  }
  return names;
}

void LakeTransaction::NoteWrittenFile(const std::shared_ptr<delta::Table>& table,
                                      const std::string& key) {
  Guard guard(mutex_);
  written_files_.emplace_back(table, key);
}

void LakeTransaction::SetOverwriteIntent(const std::shared_ptr<delta::Table>& table,
                                         OverwriteIntent intent) {
  Guard guard(mutex_);
  StateOf(table).overwrite = std::move(intent);
}

std::optional<OverwriteIntent> LakeTransaction::TakeOverwriteIntent(
    const std::shared_ptr<delta::Table>& table) {
  Guard guard(mutex_);
  return std::exchange(StateOf(table).overwrite, std::nullopt);
}

LakeSchemaEntry& LakeTransaction::SchemaEntry(const std::string& folder) {
  Guard guard(mutex_);
  auto& entry = schemas_[folder];
  if (!entry) {
    duckdb::CreateSchemaInfo info;
    info.schema = folder;
    info.catalog = catalog_.GetName();
    entry = duckdb::make_uniq<LakeSchemaEntry>(catalog_, *this, info, folder);
  }
  return *entry;
}

duckdb::CatalogEntry& LakeTransaction::Own(duckdb::unique_ptr<duckdb::CatalogEntry> entry) {
  Guard guard(mutex_);
  entries_.push_back(std::move(entry));
  return *entries_.back();
}

duckdb::optional_ptr<duckdb::CatalogEntry> LakeTransaction::CachedEntry(
    const std::string& cache_key) {
  Guard guard(mutex_);
  const auto it = entry_cache_.find(cache_key);
  return it == entry_cache_.end() ? nullptr : it->second;
}

void LakeTransaction::CacheEntry(const std::string& cache_key, duckdb::CatalogEntry& entry) {
  Guard guard(mutex_);
  entry_cache_[cache_key] = &entry;
}

void LakeTransaction::InvalidateEntries(const std::shared_ptr<delta::Table>& table) {
  Guard guard(mutex_);
  entry_cache_.erase(table->root());
}

void LakeTransaction::ApplyAnnotations(TableState& state, LakeSessionState& session) {
  const auto annotations = session.Find(state.qualified_name);
  if (!annotations) return;
  auto& staged = *state.staged;
  if (annotations->app_transaction) {
    staged.SetAppTransaction(annotations->app_transaction->first,
                             annotations->app_transaction->second);
  }
  for (const auto& [app_id, version] : annotations->more_app_transactions) {
    staged.SetAppTransaction(app_id, version);
  }
  for (const auto& domain : annotations->domains) staged.SetDomain(domain);
  if (annotations->refuses_removals) staged.RefuseConcurrentRemovals();
  if (annotations->user_metadata) staged.SetUserMetadata(*annotations->user_metadata);
  if (annotations->operation) {
    staged.SetOperation(*annotations->operation, annotations->operation_parameters);
  }
}

Status LakeTransaction::CommitTables(LakeSessionState& session, std::vector<TableCommit>* done) {
  for (const std::string& key : write_order_) {
    auto& state = *tables_.at(key);
    if (!state.staged) continue;
    ApplyAnnotations(state, session);
    if (!state.creating && !state.staged->HasChanges()) continue;
    auto result = state.staged->Commit();
    if (result.ok()) {
      done->push_back(
          {state.qualified_name, result->version, result->attempts, result->already_applied});
      written_files_.erase(
          std::remove_if(written_files_.begin(), written_files_.end(),
                         [&](const auto& file) { return file.first->root() == key; }),
          written_files_.end());
      continue;
    }
    const Status& status = result.status();
    if (status.code() == StatusCode::kAlreadyExists && state.if_not_exists &&
        state.staged->added_files().empty()) {
      continue;  // another process created it meanwhile, which is what IF NOT EXISTS asks for
    }
    if (status.code() == StatusCode::kOutcomeUnknown) keep_files_ = true;
    const Status named = NamingTable(status, key, state.qualified_name);
    if (done->empty()) {
      // Somebody made the table first: nothing was written, and a second look decides anew.
      if (named.code() != StatusCode::kAlreadyExists) return named;
      return Status(named.code(), named.message(), RetryClass::kAfterRefresh);
    }
    std::string context = "earlier tables of the transaction were committed (";
    for (size_t i = 0; i < done->size(); ++i) {
      if (i > 0) context += ", ";
      context += (*done)[i].table + " version " + (*done)[i].version.ToString();
    }
    const Status told = named.WithContext(context + ") but this one was not");
    // Running all of it again would do the committed part twice.
    return told.code() == StatusCode::kConflict ? Status(told.code(), told.message()) : told;
  }
  return Status::Ok();
}

Status LakeTransaction::CommitObjects() {
  for (const auto& [key, state] : tables_) {
    if (!state->dropped) continue;
    TARN_RETURN_IF_ERROR(RemoveFolder(*catalog_.store(), state->table->root())
                             .WithContext("table " + state->qualified_name));
    catalog_.state().Forget(state->table);
  }
  for (const auto& [key, bytes] : staged_objects_) {
    if (bytes) {
      TARN_RETURN_IF_ERROR(catalog_.store()->Put(key, *bytes, store::PutMode::kOverwrite));
    } else {
      TARN_RETURN_IF_ERROR(catalog_.store()->Delete(key));
    }
  }
  for (const auto& folder : dropped_schemas_) {
    if (IsSchemaDropped(folder)) {
      TARN_RETURN_IF_ERROR(RemoveFolder(*catalog_.store(), folder).WithContext("schema " + folder));
    }
  }
  return Status::Ok();
}

Status LakeTransaction::Commit(duckdb::ClientContext& context) {
  Guard guard(mutex_);
  const bool drops = std::any_of(tables_.begin(), tables_.end(),
                                 [](const auto& entry) { return entry.second->dropped; });
  if (write_order_.empty() && staged_objects_.empty() && !drops) return Status::Ok();
  const auto session = LakeSessionState::Get(context);
  std::vector<TableCommit> done;
  Status status = CommitTables(*session, &done);
  if (status.ok()) {
    status = CommitObjects();
    written_files_.clear();
  } else {
    DeleteWrittenFiles();
  }
  if (status.ok()) CompactAfter(context, done);
  session->Finish(std::move(done));
  session->NoteCommitFailure(status.ok() ? std::nullopt : std::optional(status));
  return status;
}

// What delta.autoOptimize.autoCompact asks for. This transaction is over as far as DuckDB is
// concerned: the work runs in one of its own.
void LakeTransaction::CompactAfter(duckdb::ClientContext& context,
                                   const std::vector<TableCommit>& done) {
  for (const auto& [root, state] : tables_) {
    if (!state->staged || !WantsAutoCompact(state->staged->metadata())) continue;
    const bool committed = std::any_of(done.begin(), done.end(), [&](const TableCommit& commit) {
      return commit.table == state->qualified_name && !commit.already_applied;
    });
    if (!committed) continue;
    duckdb::Connection connection(*context.db);
    connection.context->RunFunctionInTransaction(
        [&] { AutoCompact(*connection.context, state->qualified_name, state->table); });
  }
}

void LakeTransaction::Rollback() {
  Guard guard(mutex_);
  const bool wrote = !write_order_.empty() || !staged_objects_.empty();
  DeleteWrittenFiles();
  if (!wrote) return;
  if (const auto client = context.lock()) LakeSessionState::Get(*client)->Finish({});
}

void LakeTransaction::DeleteWrittenFiles() {
  if (!keep_files_) {
    for (const auto& [table, key] : written_files_) {
      // Best effort: VACUUM removes what cannot be removed now.
      (void)table->environment().store->Delete(key);
    }
  }
  written_files_.clear();
}

// --- LakeTransactionManager ---

LakeTransactionManager::LakeTransactionManager(duckdb::AttachedDatabase& db, LakeCatalog& catalog)
    : duckdb::TransactionManager(db), catalog_(catalog) {}

duckdb::Transaction& LakeTransactionManager::StartTransaction(duckdb::ClientContext& context) {
  auto transaction = duckdb::make_shared_ptr<LakeTransaction>(catalog_, *this, context);
  auto& result = *transaction;
  std::lock_guard<std::mutex> guard(mutex_);
  transactions_[&result] = std::move(transaction);
  return result;
}

duckdb::ErrorData LakeTransactionManager::CommitTransaction(duckdb::ClientContext& context,
                                                            duckdb::Transaction& transaction) {
  duckdb::ErrorData error;
  try {
    ThrowIfError(transaction.Cast<LakeTransaction>().Commit(context));
  } catch (const std::exception& ex) {
    error = duckdb::ErrorData(ex);
  }
  std::lock_guard<std::mutex> guard(mutex_);
  transactions_.erase(&transaction);
  return error;
}

void LakeTransactionManager::RollbackTransaction(duckdb::Transaction& transaction) {
  transaction.Cast<LakeTransaction>().Rollback();
  std::lock_guard<std::mutex> guard(mutex_);
  transactions_.erase(&transaction);
}

}  // namespace tarn::duck
