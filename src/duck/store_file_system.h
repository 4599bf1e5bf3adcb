// StoreFileSystem: object stores as a DuckDB file system, so that DuckDB's readers and writers go
// through the one door to durable state.
//
// Two kinds of paths:
//  - a StoreMount gives a store a name for as long as it lives; `mount.Path(key)` is the path to
//    hand to DuckDB. These are taken literally, and objects read through a mount do not change
//    while it lives.
//  - addresses the opener handles ("s3://bucket/key"): read_parquet, COPY and the data files of a
//    lake. `*`, `?`, `[…]` match within a name and `**` across names.
//
// A file written becomes visible and durable, whole, when DuckDB closes it; a handle dropped
// without Close leaves nothing behind. A path that is opened with its size (ImmutableFile) costs no
// request before the first read.
//
// Threads: safe for concurrent calls; one handle belongs to one thread at a time, except positional
// reads. Errors: duckdb exceptions with the store's one-line message and code.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "duckdb.hpp"
#include "duckdb/common/file_system.hpp"
#include "store/object_store.h"
#include "store/store_opener.h"

namespace tarn::duck {

// Registers the file system in an instance; once per instance. `opener` may be null.
void RegisterStoreFileSystem(duckdb::DatabaseInstance& db,
                             std::shared_ptr<store::StoreOpener> opener);

// A file whose content under this path never changes, with its size: opening it asks nobody. For
// local paths the size is left out.
duckdb::OpenFileInfo ImmutableFile(std::string path, uint64_t size_bytes);

class StoreMount {
 public:
  // `store` must outlive the mount, the mount every file opened through it.
  explicit StoreMount(store::ObjectStore& store);
  ~StoreMount();
  StoreMount(const StoreMount&) = delete;
  StoreMount& operator=(const StoreMount&) = delete;
  std::string Path(const std::string& key) const;
  // What is known of an object already; saves the request that would ask.
  void Know(const store::ObjectInfo& info) const;

 private:
  uint64_t id_;
};

}  // namespace tarn::duck
