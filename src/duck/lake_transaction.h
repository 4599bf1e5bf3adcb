// LakeTransaction: one DuckDB transaction over a lake.
//
// Reading: each table is pinned to the snapshot of its first use; every later read in the
// transaction sees that version plus the transaction's own writes.
//
// Writing: one delta::Transaction per written table, begun at the pinned snapshot. COMMIT writes
//   1. tables, one Delta commit each, in the order in which they were first written;
//   2. then dropped tables, created and dropped views and schemas, in the order of the statements.
// What holds: a table's commit is atomic and durable. When the first fails nothing has been written
// and the staged data files are deleted. When a later one fails the earlier ones stand; the error
// names the tables that were committed and the one that was not. There is no atomicity across
// tables: Delta has none. A transaction that only reads writes nothing.
//
// Threads: DuckDB calls the catalog from one thread per transaction; pinning and staging are
// locked, so that parallel operators may call PinnedSnapshot and WriteTo.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "delta/transaction.h"
#include "duckdb.hpp"
#include "duckdb/main/client_context_state.hpp"
#include "duckdb/transaction/transaction.hpp"
#include "duckdb/transaction/transaction_manager.hpp"

namespace tarn::duck {

class LakeCatalog;
class LakeSchemaEntry;
class DeltaTableEntry;

// What the caller adds to the Delta commit of one table.
struct CommitAnnotations {
  std::optional<std::pair<std::string, int64_t>> app_transaction;  // txn action: appId, version
  // Further txn actions of the same commit; one that is there already makes all of it a no-op.
  std::vector<std::pair<std::string, int64_t>> more_app_transactions;
  std::vector<delta::DomainMetadata> domains;
  std::optional<std::string> user_metadata;
  bool refuses_removals = false;         // delta::Transaction::RefuseConcurrentRemovals
  std::optional<std::string> operation;  // overrides what the statement would say
  delta::StringMap operation_parameters;
};

// One table's part of the last commit.
struct TableCommit {
  std::string table;  // "silver.events"
  delta::Version version;
  int attempts = 1;
  bool already_applied =
      false;  // the app transaction had been committed before; nothing was written
};

// Per connection: annotations waiting for the next commit, and what the last commit did. Obtain
// with Get(context); used by the engine between statements. Annotations are dropped by COMMIT and
// ROLLBACK.
class LakeSessionState : public duckdb::ClientContextState {
 public:
  static duckdb::shared_ptr<LakeSessionState> Get(duckdb::ClientContext& context);
  // `table` is "schema.table", case-insensitive.
  void Annotate(const std::string& table, CommitAnnotations annotations);
  std::optional<CommitAnnotations> Find(const std::string& table);
  void Finish(std::vector<TableCommit> commits);  // called by the transaction
  std::vector<TableCommit> LastCommits();
  // Why the last COMMIT failed. DuckDB passes on the text alone, and calls every failed commit a
  // lost race: whoever decides whether to run a statement again has to ask here.
  void NoteCommitFailure(std::optional<Status> failure);
  std::optional<Status> CommitFailure();

 private:
  std::mutex mutex_;
  std::map<std::string, CommitAnnotations> pending_;
  std::vector<TableCommit> last_;
  std::optional<Status> commit_failure_;
};

// INSERT OVERWRITE / REPLACE WHERE: what the next INSERT into the table removes in its own commit.
struct OverwriteIntent {
  bool whole_table = true;
  std::string predicate_sql;  // empty for the whole table
};

class LakeTransaction : public duckdb::Transaction {
 public:
  LakeTransaction(LakeCatalog& catalog, duckdb::TransactionManager& manager,
                  duckdb::ClientContext& context);
  ~LakeTransaction() override;
  static LakeTransaction& Get(duckdb::ClientContext& context, duckdb::Catalog& catalog);

  // --- reading ---
  // The snapshot the transaction reads this table at; pins the newest on the first call.
  delta::SnapshotPtr PinnedSnapshot(const std::shared_ptr<delta::Table>& table);
  // The same without reading its files.
  delta::TableVersionPtr PinnedVersion(const std::shared_ptr<delta::Table>& table);
  // A statement (its query number) looks at the table's rows at this transaction's version. The
  // optimizer may answer it without a scan that could be found in the plan.
  void NoteScan(const std::shared_ptr<delta::Table>& table, duckdb::idx_t query);
  bool WasScannedBy(const std::shared_ptr<delta::Table>& table, duckdb::idx_t query) const;
  // The staged changes of a table, null when there are none.
  delta::Transaction* StagedFor(const std::shared_ptr<delta::Table>& table);
  // True when what is staged is a new table or a replacement: no file of the base shows.
  bool IsCreating(const std::shared_ptr<delta::Table>& table) const;
  bool IsCreating(const std::string& root) const;

  // --- writing ---
  // The Delta transaction that collects this table's changes; begun on the first call.
  // Errors (exceptions): unsupported writer feature, time travel entry, read-only catalog.
  delta::Transaction& WriteTo(const DeltaTableEntry& entry);
  // Stages a new table, or a replacement of an existing one.
  delta::Transaction& StageCreate(const std::string& qualified_name,
                                  std::shared_ptr<delta::Table> table, delta::Metadata metadata,
                                  bool replace, bool if_not_exists);
  void StageDropTable(const std::string& qualified_name, std::shared_ptr<delta::Table> table);
  // Objects written or deleted at commit: views and schema markers. Empty bytes delete.
  void StageObject(const std::string& key, std::optional<std::string> bytes);
  // An object as this transaction sees it: staged bytes, or nullopt when staged for deletion or
  // absent.
  std::optional<std::string> ReadObject(const std::string& key);
  // Staged names under a schema folder ("silver/…"): true present, false deleted.
  std::map<std::string, bool> StagedObjects(const std::string& prefix) const;
  // Folders of the lake's root, looked at once: DuckDB asks for schemas with every function's name.
  const std::vector<std::string>& RootFolders();
  bool IsDropped(const std::string& root) const;
  // The schema's marker goes, and its folder with it once it is empty.
  void StageDropSchema(const std::string& folder);
  bool IsSchemaDropped(const std::string& folder) const;
  // Tables the transaction creates in this schema folder (names).
  std::vector<std::string> CreatedTables(const std::string& schema_folder) const;

  // Keys of data files, change files and vectors this transaction wrote: deleted again by ROLLBACK
  // or a failed COMMIT (never when the outcome is unknown).
  void NoteWrittenFile(const std::shared_ptr<delta::Table>& table, const std::string& key);

  // Consumed by the next INSERT into the table (insert.cc).
  void SetOverwriteIntent(const std::shared_ptr<delta::Table>& table, OverwriteIntent intent);
  std::optional<OverwriteIntent> TakeOverwriteIntent(const std::shared_ptr<delta::Table>& table);

  // --- entries, owned until the transaction ends ---
  LakeSchemaEntry& SchemaEntry(const std::string& folder);
  duckdb::CatalogEntry& Own(duckdb::unique_ptr<duckdb::CatalogEntry> entry);
  // Entry cache for table lookups: cleared for a table when its metadata is staged anew.
  duckdb::optional_ptr<duckdb::CatalogEntry> CachedEntry(const std::string& cache_key);
  void CacheEntry(const std::string& cache_key, duckdb::CatalogEntry& entry);
  // The table's staged schema or protocol changed: look the entry up again.
  void InvalidateEntries(const std::shared_ptr<delta::Table>& table);

  // --- the end ---
  Status Commit(duckdb::ClientContext& context);
  void Rollback();

 private:
  struct TableState;
  void NoteUse(const std::shared_ptr<delta::Table>& table);
  TableState& StateOf(const std::shared_ptr<delta::Table>& table);
  void ApplyAnnotations(TableState& state, LakeSessionState& session);
  Status CommitTables(LakeSessionState& session, std::vector<TableCommit>* done);
  Status CommitObjects();
  void DeleteWrittenFiles();
  void CompactAfter(duckdb::ClientContext& context, const std::vector<TableCommit>& done);

  LakeCatalog& catalog_;
  mutable std::recursive_mutex mutex_;
  std::map<std::string, std::unique_ptr<TableState>> tables_;  // by the table's root
  std::vector<std::string> write_order_;
  std::vector<std::pair<std::string, std::optional<std::string>>> staged_objects_;
  std::set<std::string> dropped_schemas_;
  std::optional<std::vector<std::string>> root_folders_;
  std::vector<std::pair<std::shared_ptr<delta::Table>, std::string>> written_files_;
  std::map<std::string, duckdb::unique_ptr<LakeSchemaEntry>> schemas_;
  std::vector<duckdb::unique_ptr<duckdb::CatalogEntry>> entries_;
  std::map<std::string, duckdb::CatalogEntry*> entry_cache_;
  std::map<const delta::Table*, duckdb::idx_t> scans_;  // -> last query that scans it
  bool keep_files_ = false;  // an outcome is unknown: deleting could lose rows
};

class LakeTransactionManager : public duckdb::TransactionManager {
 public:
  LakeTransactionManager(duckdb::AttachedDatabase& db, LakeCatalog& catalog);
  duckdb::Transaction& StartTransaction(duckdb::ClientContext& context) override;
  duckdb::ErrorData CommitTransaction(duckdb::ClientContext& context,
                                      duckdb::Transaction& transaction) override;
  void RollbackTransaction(duckdb::Transaction& transaction) override;
  void Checkpoint(duckdb::ClientContext& context, bool force) override {}

 private:
  LakeCatalog& catalog_;
  std::mutex mutex_;
  std::map<duckdb::Transaction*, duckdb::shared_ptr<LakeTransaction>> transactions_;
};

}  // namespace tarn::duck
