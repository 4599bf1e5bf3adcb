// Writing the rows of a bin (delta/maintain_bins.h) into new files of the same partition: as they
// come, or in the order of one column or of a Z-curve over several.
//
// Rows stream from the old files to the new; an order is made by DuckDB's sort, which spills. What
// is written is named in a WrittenFiles, which deletes it again unless it is kept.
//
// Threads: Rewrite may run for several bins at once. Errors: duckdb exceptions.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "delta/maintain_bins.h"
#include "duck/file_rescan.h"
#include "duck/write_target.h"
#include "duckdb.hpp"

namespace tarn::duck {

// Keys of files that no log names yet. Threads: safe.
class WrittenFiles {
 public:
  explicit WrittenFiles(std::shared_ptr<delta::Table> table) : table_(std::move(table)) {}
  ~WrittenFiles() { Discard(); }
  void Note(const std::string& key);
  // They belong to a commit now, or may: nothing is deleted.
  void Keep();
  // Best effort; what stays is VACUUM's.
  void Discard();

 private:
  std::shared_ptr<delta::Table> table_;
  std::mutex mutex_;
  std::vector<std::string> keys_;
};

struct BinLayout {
  std::vector<duckdb::idx_t> order_columns;  // positions in the schema; empty: as they come
  delta::StringMap tags;                     // of the new files
  std::optional<std::string> clustering_provider;
};

class BinRewriter {
 public:
  BinRewriter(duckdb::ClientContext& context, RescanSource source, BinLayout layout);

  const RescanSource& source() const { return source_; }
  const WriteTarget& target() const { return *target_; }
  // `workers` threads read; files come back with dataChange false.
  std::vector<delta::AddFile> Rewrite(const delta::Bin& bin, size_t workers, WrittenFiles* written);

 private:
  class Sorter;
  static void TakeIds(duckdb::DataChunk& rows, size_t columns, duckdb::DataChunk* moved);
  void CopyRows(const delta::Bin& bin, size_t workers, class DataWriter* writer);
  void SortRows(const delta::Bin& bin, size_t workers, class DataWriter* writer);

  duckdb::ClientContext& context_;
  RescanSource source_;
  BinLayout layout_;
  std::shared_ptr<const WriteTarget> target_;
};

}  // namespace tarn::duck
