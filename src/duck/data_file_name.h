// Names of data files: partition folders as Spark makes them, and what follows the file's uuid.
#pragma once

#include <optional>
#include <string>

namespace tarn::duck {

// "column=value", escaped; a name longer than file systems take ends in a hash of the value. The
// folder is only a place: the value itself is in the log.
std::string PartitionFolder(const std::string& column, const std::optional<std::string>& value);

// The codec's name for DuckDB's Parquet writer, from `delta.parquet.compression.codec`.
// Throws: InvalidInputException when there is no such codec.
std::string ParquetCodec(const std::string& property);

// ".snappy.parquet", from what ParquetCodec returned.
std::string CodecSuffix(const std::string& codec);

}  // namespace tarn::duck
