// FileSource: one checked file as a Source (sources/source.h).
//
// Stream id: "files/<target>/<sha256>-<size>". Partition 0. Record::offset is
//   text files: the byte offset of the record in the (decompressed) file;
//   Parquet: the row's number in the file, from 0.
// Payload: CSV: the record's exact bytes without its line end; JSON: the exact bytes of the object
// (NDJSON: of its line); Parquet: the row as one JSON object, keys in column order. schema_id: CSV:
// the first 12 hex digits of the SHA-256 of the header's exact bytes, or "columns-<n>" without a
// header; Parquet: the same of the column names and types; JSON: empty. Facts: "csv.header.<schema
// id>" -> {"columns":[...],"delimiter":",","header":"..."} with the first batch.
//
// Position: {"offset":…,"line":…,"mode":"…","records":…,"bad":…}; resuming inside a compressed file
// decompresses again up to it.
//
// What it does not do: no looking for files (file_listing.h), no waiting, no Parquet decoding
// (TableRows is given).
//
// Threads, errors: as Source. A file that changed since it was checked fails with kIo, kBackoff.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "codec/csv.h"
#include "sources/files/file_check.h"
#include "sources/source.h"

namespace tarn::sources::files {

struct FileSourceOptions {
  std::string target;  // the table, part of the stream's id
  FileKind kind = FileKind::kCsv;
  std::string topic;               // Record::topic
  std::optional<std::string> key;  // CSV column (or its number from 1 without a header), JSON field
  std::optional<std::string> event_time;  // likewise; values that are no time give none
  std::optional<char> delimiter;          // CSV; absent: detected
  std::optional<bool> header;             // CSV; absent: detected
  uint64_t max_record_bytes = 64ull << 20;
};

// Rows of a table file (Parquet) rendered as JSON objects; implemented above this room, where an
// engine is.
class TableRows {
 public:
  virtual ~TableRows() = default;
  virtual const std::string& schema_id() const = 0;
  virtual int64_t row_count() const = 0;
  // The following rows, at most about `max_rows`; empty at the end. Views live until the next call.
  virtual Result<std::vector<std::string>> Next(size_t max_rows) = 0;
};
// Opens the rows of a file from row `first_row` on. Errors: kCorruption for a damaged file.
using OpenTableRows =
    std::function<Result<std::unique_ptr<TableRows>>(const std::string& path, int64_t first_row)>;

std::string FileStreamId(const std::string& target, const CheckedFile& file);

// `open_rows` is used for Parquet only. The file must be whole (CheckedFile::damage empty).
std::unique_ptr<Source> MakeFileSource(CheckedFile file, FileSourceOptions options,
                                       OpenTableRows open_rows);

// ISO 8601 (no zone: UTC), or a number since the epoch: whole in s, ms, us or ns, told by its size,
// or seconds with a fraction.
std::optional<int64_t> ParseEventTime(std::string_view text);

}  // namespace tarn::sources::files
