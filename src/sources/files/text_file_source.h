// TextFileSource: the Source of a CSV, NDJSON or JSON file. Contract: file_source.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codec/csv.h"
#include "codec/record_splitter.h"
#include "sources/files/file_source.h"

namespace tarn::sources::files {

class TextFileSource final : public Source {
 public:
  TextFileSource(CheckedFile file, FileSourceOptions options);
  const std::string& stream_id() const override { return stream_id_; }
  std::string reading() const override;
  Status Open(const Position& position) override;
  Result<Batch> Poll(const BatchLimits& limits) override;
  uint64_t bytes_read() const override { return disk_bytes_; }

 private:
  Status ReadHeader();
  Status TakeHeader(const codec::CsvSplitter& splitter);
  Status FindColumns(const std::vector<std::string>& names);
  Result<std::optional<size_t>> ColumnOf(const std::optional<std::string>& wanted,
                                         const std::vector<std::string>& names) const;
  std::unique_ptr<codec::RecordSplitter> MakeSplitter(const codec::SplitState& state) const;
  Status FeedMore();
  void Add(const codec::SplitRecord& record, Batch* batch);
  void AddFields(std::string_view payload, Record* record, Batch* batch) const;
  std::string HeaderFact() const;
  Position PositionNow() const;

  CheckedFile file_;
  FileSourceOptions options_;
  std::string stream_id_;
  codec::CsvOptions csv_;
  std::string schema_id_;
  // Copies in the arena of the batch under way.
  std::string_view batch_topic_;
  std::string_view batch_schema_id_;
  std::string header_;
  std::optional<size_t> key_column_;
  std::optional<size_t> time_column_;
  std::unique_ptr<codec::ByteStream> stream_;
  std::unique_ptr<codec::RecordSplitter> splitter_;
  std::string chunk_;
  bool input_ended_ = false;
  bool ended_ = false;
  bool at_beginning_ = true;
  uint64_t records_ = 0;
  uint64_t bad_ = 0;
  uint64_t disk_bytes_ = 0;
};

}  // namespace tarn::sources::files
