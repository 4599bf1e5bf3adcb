// StoreFileSystem: an ObjectStore as a DuckDB file system, so that DuckDB's Parquet reader and
// writer go through the one door to durable state.
//
// A StoreMount gives a store a name for as long as it lives; `mount.Path(key)` is the path to hand
// to DuckDB. A file written becomes visible and durable, whole, when DuckDB closes it; a handle
// dropped without Close leaves nothing behind. Paths are taken literally: no globbing.
//
// Threads: safe for concurrent calls; one handle belongs to one thread at a time, except positional
// reads. Errors: duckdb::IOException with the store's one-line message.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "duckdb.hpp"
#include "duckdb/common/file_system.hpp"
#include "store/object_store.h"

namespace tarn::duck {

// Registers the file system in an instance; once per instance.
void RegisterStoreFileSystem(duckdb::DatabaseInstance& db);

class StoreMount {
 public:
  // `store` must outlive the mount, the mount every file opened through it.
  explicit StoreMount(store::ObjectStore& store);
  ~StoreMount();
  StoreMount(const StoreMount&) = delete;
  StoreMount& operator=(const StoreMount&) = delete;
  std::string Path(const std::string& key) const;

 private:
  uint64_t id_;
};

}  // namespace tarn::duck
