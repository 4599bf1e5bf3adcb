#include "duck/data_file_name.h"

#include "base/hash.h"
#include "duckdb.hpp"
#include "duckdb/common/string_util.hpp"

namespace tarn::duck {
namespace {

constexpr size_t kMaxFolderName = 200;  // file systems allow 255 bytes
constexpr const char* kNullPartition = "__HIVE_DEFAULT_PARTITION__";

// The characters Spark escapes in partition folders.
std::string EscapeFolder(const std::string& text) {
  static const std::string kEscaped = "\"#%'*/:=?\\{[]^";
  static const char* const kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || kEscaped.find(c) != std::string::npos) {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string PartitionFolder(const std::string& column, const std::optional<std::string>& value) {
  const std::string name = EscapeFolder(column) + "=";
  if (!value || value->empty()) return name + kNullPartition;
  const std::string escaped = EscapeFolder(*value);
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
