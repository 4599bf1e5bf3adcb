// Names of partition folders as Hive and Spark write them: "day=2026-11-25".
//
// Readers take partition values from the log; the names are for people and for engines that read
// manifests. Threads: free functions.
#pragma once

#include <string>
#include <string_view>

namespace tarn::delta {

// The value of a folder whose partition value is null.
inline constexpr char kNullPartition[] = "__HIVE_DEFAULT_PARTITION__";

// The characters Spark escapes in such names become %XX.
std::string EscapeFolderName(std::string_view text);

}  // namespace tarn::delta
