// TableFileSource: the Source of a file of typed rows (Parquet). Contract: file_source.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sources/files/file_source.h"

namespace tarn::sources::files {

class TableFileSource final : public Source {
 public:
  TableFileSource(CheckedFile file, FileSourceOptions options, OpenTableRows open_rows);
  const std::string& stream_id() const override { return stream_id_; }
  std::string reading() const override;
  Status Open(const Position& position) override;
  Result<Batch> Poll(const BatchLimits& limits) override;
  uint64_t bytes_read() const override;

 private:
  void Add(const std::string& row, Batch* batch);

  CheckedFile file_;
  FileSourceOptions options_;
  std::string stream_id_;
  OpenTableRows open_rows_;
  std::unique_ptr<TableRows> rows_;
  std::vector<std::string> pending_;  // rows given by rows_ and not yet in a batch
  size_t next_pending_ = 0;
  std::string schema_id_;
  // Copies in the arena of the batch under way.
  std::string_view batch_topic_;
  std::string_view batch_schema_id_;
  int64_t row_ = 0;  // of the next record
  uint64_t bad_ = 0;
  bool ended_ = false;
};

}  // namespace tarn::sources::files
