#include "duck/data_file_name.h"

#include "base/hash.h"
#include "delta/partition_folder.h"
#include "duckdb.hpp"
#include "duckdb/common/string_util.hpp"

namespace tarn::duck {
namespace {

constexpr size_t kMaxFolderName = 200;  // file systems allow 255 bytes

}  // namespace

std::string PartitionFolder(const std::string& column, const std::optional<std::string>& value) {
  const std::string name = delta::EscapeFolderName(column) + "=";
  if (!value || value->empty()) return name + delta::kNullPartition;
  const std::string escaped = delta::EscapeFolderName(*value);
  if (name.size() + escaped.size() <= kMaxFolderName) return name + escaped;
  return name.substr(0, 100) + Md5Hex(*value);
}

std::string ParquetCodec(const std::string& codec) {
  const std::string lower = duckdb::StringUtil::Lower(codec);
  if (lower == "none" || lower == "uncompressed") return "uncompressed";
  if (lower == "gzip" || lower == "zstd" || lower == "brotli" || lower == "snappy") return lower;
  if (lower == "lz4" || lower == "lz4_raw") return "lz4_raw";
  throw duckdb::InvalidInputException(
      "delta.parquet.compression.codec is '%s'; it must be one of snappy, zstd, gzip, brotli, lz4, "
      "none",
      codec);
}

std::string CodecSuffix(const std::string& codec) {
  if (codec == "uncompressed") return ".parquet";
  return "." +
         std::string(codec == "gzip"      ? "gz"
                     : codec == "lz4_raw" ? "lz4raw"
                                          : codec) +
         ".parquet";
}

}  // namespace tarn::duck
