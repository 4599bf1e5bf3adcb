// CheckFile: one pass over a file before its first record is taken: who it is, and whether it is
// whole.
//
// Identity is the content: SHA-256 of the bytes on disk and their number. A renamed or re-uploaded
// identical file has the same identity; another content under the same name has another; the same
// records compressed anew are another content.
//
// Wholeness: a compressed file is decompressed to its end, so that a truncated or corrupt one is
// refused before anything of it is taken rather than after some of it was committed.
//
// Safe from any thread; memory is constant.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/status.h"
#include "codec/byte_stream.h"
#include "sources/files/file_listing.h"

namespace tarn::sources::files {

struct CheckedFile {
  std::string path;
  FileStamp stamp;     // of the content that was hashed
  std::string sha256;  // lower-case hex
  codec::Compression compression = codec::Compression::kNone;
  uint64_t content_bytes = 0;  // decompressed
  std::string head;            // the first decompressed bytes, at most kHeadBytes
  std::string damage;          // why the file is not whole; empty: it is
};
inline constexpr size_t kHeadBytes = 64 << 10;

// Told the bytes of each read; false stops the check (kCancelled).
using OnBytes = std::function<bool(uint64_t)>;

// Errors: kNotFound, kPermission, kIo; kCancelled; kIo with kBackoff when the file changed
// meanwhile.
Result<CheckedFile> CheckFile(const std::string& path, const OnBytes& on_bytes);

// The file's bytes, decompressed, from decompressed offset `offset` on. `disk_bytes` (may be null)
// counts what was read from disk and must outlive the stream. Fails when the file is not the one
// that was checked, now (kIo with kBackoff) or at any later read.
Result<std::unique_ptr<codec::ByteStream>> OpenChecked(const CheckedFile& file, uint64_t offset,
                                                       uint64_t* disk_bytes);

enum class FileKind { kCsv, kNdjson, kJsonArray, kJsonValues, kParquet };
std::string_view FileKindName(FileKind kind);  // "csv", "ndjson", "json", "json", "parquet"

// What a name says; compression endings (.gz, .gzip, .zst, .zstd) are looked through. `json` is for
// .json, of which only the content tells which of three it is.
enum class NamedKind { kUnknown, kCsv, kTsv, kNdjson, kJson, kParquet };
NamedKind KindByName(const std::string& path);

// Of a file known to be JSON: '[' first is an array; a whole value in its first line is NDJSON;
// else values.
FileKind JsonKindByContent(std::string_view head);
// Of a file of which nothing is known. kInvalidArgument: not recognised (binary, UTF-16), naming
// the remedy.
Result<FileKind> KindByContent(const CheckedFile& file);

}  // namespace tarn::sources::files
