// Entry point of the room: makes `ATTACH '<lake>' AS lake (TYPE tarn)` and the delta_* functions
// known to one DuckDB instance.
//
// A lake is a local folder, or an address the opener handles behind "tarn+"
// ("tarn+s3://bucket/prefix": DuckDB itself wants an extension of its own for what looks remote).
// Attach options: fsync (BOOLEAN, default true; false only for scratch lakes), create (BOOLEAN,
// default false: make the lake's folder when it is absent); object stores have neither. READ_ONLY
// is honoured.
//
// Threads: call once per instance, before any query. Errors: duckdb::Exception.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/status.h"
#include "delta/table.h"
#include "duckdb.hpp"
#include "duckdb/storage/storage_extension.hpp"
#include "store/object_store.h"
#include "store/store_opener.h"

namespace tarn::duck {

inline constexpr const char* kAddressPrefix = "tarn+";

// `opener` reaches what is not on this machine; null: local paths only.
void RegisterTarnExtension(duckdb::DatabaseInstance& db,
                           std::shared_ptr<store::StoreOpener> opener = nullptr);

// What all lakes of one DuckDB instance share: the Parquet checkpoint reader and one delta::Table
// per table folder, so that snapshots are cached across queries and sessions. Threads: safe.
class ExtensionState : public duckdb::StorageExtensionInfo {
 public:
  ExtensionState(duckdb::DatabaseInstance& db, std::shared_ptr<store::StoreOpener> opener);
  // The state of the instance; created by RegisterTarnExtension.
  static ExtensionState& Get(duckdb::DatabaseInstance& db);
  static ExtensionState& Get(duckdb::ClientContext& context);

  // The table at `root` of `store`; the same object for the same place on every call. No I/O.
  std::shared_ptr<delta::Table> TableAt(const std::shared_ptr<store::ObjectStore>& store,
                                        const std::string& root);
  // The table in the folder `path` of the local file system ("file://" is accepted) or at an
  // address the opener handles. Errors: kNotFound when there is no such folder.
  Result<std::shared_ptr<delta::Table>> TableAtPath(const std::string& path);
  // The store of a lake: a local folder (`options` apply) or an address.
  Result<std::shared_ptr<store::ObjectStore>> OpenLake(const std::string& path,
                                                       const store::LocalStoreOptions& options);
  // A statement uses the table. Snapshots of tables not used for longest are given up while all of
  // them hold more than `budget_bytes`; whoever reads one keeps it for as long as he does.
  void NoteUse(const std::shared_ptr<delta::Table>& table, uint64_t budget_bytes);
  // After DROP: a later table of the same name starts afresh.
  void Forget(const std::shared_ptr<delta::Table>& table);

  const std::shared_ptr<delta::CheckpointFormat>& checkpoint_format() const {
    return checkpoint_format_;
  }
  duckdb::DatabaseInstance& db() { return db_; }
  const std::shared_ptr<store::StoreOpener>& opener() const { return opener_; }  // may be null
  // For tests: of tables opened from now on, checkpoints from this size on are not read whole for
  // one query (delta::TableEnvironment).
  void DeferFromBytes(uint64_t bytes) { defer_from_bytes_ = bytes; }

 private:
  Result<std::shared_ptr<delta::Table>> TableAtAddress(const std::string& address);
  // The lake's own handle on the same place, or the one of an earlier call; else a new one.
  std::shared_ptr<delta::Table> TableIn(const std::string& place,
                                        std::shared_ptr<store::ObjectStore> store);

  duckdb::DatabaseInstance& db_;
  std::shared_ptr<store::StoreOpener> opener_;
  std::shared_ptr<delta::CheckpointFormat> checkpoint_format_;
  uint64_t defer_from_bytes_ = delta::TableEnvironment().defer_from_bytes;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<delta::Table>> tables_;  // absolute place -> table
  struct Use {
    std::weak_ptr<delta::Table> table;
    uint64_t bytes = 0;
  };
  std::list<Use> uses_;  // newest first
};

// Setting: bytes of table snapshots kept between statements.
inline constexpr const char* kSnapshotCacheSetting = "tarn_snapshot_cache";

}  // namespace tarn::duck
