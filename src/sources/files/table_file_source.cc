#include "sources/files/table_file_source.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "codec/json_text.h"

namespace tarn::sources::files {
namespace {

constexpr size_t kRowsPerPull = 2048;

}  // namespace

TableFileSource::TableFileSource(CheckedFile file, FileSourceOptions options,
                                 OpenTableRows open_rows)
    : file_(std::move(file)),
      options_(std::move(options)),
      stream_id_(FileStreamId(options_.target, file_)),
      open_rows_(std::move(open_rows)) {}

std::string TableFileSource::reading() const {
  return "parquet max_record_bytes=" + std::to_string(options_.max_record_bytes);
}

Status TableFileSource::Open(const Position& position) {
  row_ = 0;
  bad_ = 0;
  if (!position.json.empty()) {
    const auto json = nlohmann::json::parse(position.json, nullptr, false);
    if (!json.is_object() || !json.contains("row")) {
      return Status::InvalidArgument("not a position in a table file: " + position.json);
    }
    row_ = json.value("row", int64_t{0});
    bad_ = json.value("bad", uint64_t{0});
  }
  pending_.clear();
  next_pending_ = 0;
  ended_ = false;
  rows_.reset();
  TARN_ASSIGN_OR_RETURN(rows_, open_rows_(file_.path, row_));
  schema_id_ = rows_->schema_id();
  return Status::Ok();
}

Result<Batch> TableFileSource::Poll(const BatchLimits& limits) {
  TARN_CHECK(rows_ != nullptr);
  Batch batch;
  batch_topic_ = batch.arena.Copy(options_.topic);
  batch_schema_id_ = batch.arena.Copy(schema_id_);
  while (!ended_ && batch.arena.size_bytes() < limits.max_bytes &&
         batch.records.size() + batch.bad.size() < limits.max_records) {
    if (next_pending_ == pending_.size()) {
      TARN_ASSIGN_OR_RETURN(pending_, rows_->Next(kRowsPerPull));
      next_pending_ = 0;
      ended_ = pending_.empty();
      continue;
    }
    Add(pending_[next_pending_++], &batch);
  }
  // The reader opens the file by name on its own; what it read is what was checked only if it still
  // is.
  TARN_ASSIGN_OR_RETURN(const FileStamp stamp, StampOf(file_.path));
  if (stamp != file_.stamp) {
    return Status::Io(
        file_.path + " changed while it was read; it is taken again when it is at rest",
        RetryClass::kBackoff);
  }
  batch.end = ended_;
  const nlohmann::ordered_json json = {{"row", row_}, {"bad", bad_}};
  batch.position = Position{json.dump()};
  return batch;
}

void TableFileSource::Add(const std::string& row, Batch* batch) {
  const int64_t number = row_++;
  if (row.size() > options_.max_record_bytes) {
    ++bad_;
    BadRecord bad;
    bad.payload = batch->arena.Copy(std::string_view(row).substr(0, kMaxBadPayloadBytes));
    bad.payload_bytes = row.size();
    bad.topic = batch_topic_;
    bad.offset = number;
    bad.rule = "record.too_long";
    bad.reason = "row " + std::to_string(number) + " has " + std::to_string(row.size()) +
                 " bytes as JSON; the limit is " + std::to_string(options_.max_record_bytes);
    batch->bad.push_back(std::move(bad));
    return;
  }
  Record record;
  record.payload = batch->arena.Copy(row);
  record.schema_id = batch_schema_id_;
  record.topic = batch_topic_;
  record.offset = number;
  if (options_.key) {
    if (auto key = codec::TopLevelField(record.payload, *options_.key)) {
      record.key = batch->arena.Copy(*key);
    }
  }
  if (options_.event_time) {
    if (auto time = codec::TopLevelField(record.payload, *options_.event_time)) {
      record.event_time_micros = ParseEventTime(*time);
    }
  }
  batch->records.push_back(std::move(record));
}

uint64_t TableFileSource::bytes_read() const {
  const int64_t total = rows_ ? rows_->row_count() : 0;
  if (total <= 0) return 0;
  const double done = static_cast<double>(std::min(row_, total)) / static_cast<double>(total);
  return static_cast<uint64_t>(done * static_cast<double>(file_.stamp.size_bytes));
}

}  // namespace tarn::sources::files
