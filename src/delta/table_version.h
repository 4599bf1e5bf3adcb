// TableVersion: one version of a table for readers who may not need all of its files.
//
// What defines the version (protocol, metadata, transactions, domains) is known. Its files are read
// when they are asked for: all of them, or, of a large table that nobody has read yet, only those
// that a predicate may want. Reading a million files for a query of one partition costs ten times
// the query.
//
// Threads: safe for concurrent calls. Lifetime: keeps the table. Errors of Full and Matching: those
// of Table::Latest, and kNotFound when the log was cleaned up since the version was opened.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "base/status.h"
#include "delta/predicate.h"
#include "delta/snapshot.h"

namespace tarn::delta {

class Table;

class TableVersion {
 public:
  // A version whose files are known.
  explicit TableVersion(SnapshotPtr full) : definition_(full), full_(std::move(full)) {}
  // One whose files are not; `definition` holds the rest.
  TableVersion(std::shared_ptr<Table> table, SnapshotPtr definition)
      : table_(std::move(table)), definition_(std::move(definition)) {}

  // Everything but the files: do not ask it for those.
  const Snapshot& definition() const { return *definition_; }
  // Null while the files have not been read.
  SnapshotPtr IfLoaded() const;
  Result<SnapshotPtr> Full();
  // The files that may match, in log order, and perhaps others. Positions (FileIndex) in it are its
  // own: only those of Full() mean anything to a Transaction.
  Result<SnapshotPtr> Matching(const Predicate& predicate);
  // How many files the version has; nullopt when that takes reading them.
  std::optional<int64_t> num_files() const;

 private:
  std::shared_ptr<Table> table_;
  SnapshotPtr definition_;
  mutable std::mutex mutex_;  // guards full_
  SnapshotPtr full_;
};

using TableVersionPtr = std::shared_ptr<TableVersion>;

}  // namespace tarn::delta
