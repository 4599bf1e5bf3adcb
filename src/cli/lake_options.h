// The options every command on a lake has, and opening the lake they name.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/status.h"
#include "engine/engine.h"

namespace tarn::cli {

struct LakeOptions {
  std::string lake;    // empty: $TARN_LAKE, else ./lake
  std::string memory;  // "2GB"; empty: 80 % of the machine
  int threads = 0;     // 0: all cores
  bool no_fsync = false;
  engine::S3Access s3;
  std::string s3_style;  // "path", "host" or empty
};

void AddLakeOptions(CLI::App& command, LakeOptions& options);

// The folder or address the options mean.
std::string LakeFolder(const LakeOptions& options);

// "512MB", "2GiB", "1.5g", "1000": bytes (powers of 1024). kInvalidArgument otherwise.
Result<uint64_t> ParseBytes(const std::string& text);

// Fills in lake, memory, threads and fsync. kInvalidArgument for a size that is none.
Status ReadLakeOptions(const LakeOptions& options, engine::EngineOptions* engine_options);

// A value or where it is: "env:NAME", "file:PATH" (one trailing line break is dropped), else the
// text itself. With `reference_only` a plain text is refused: what is secret does not belong on a
// command line.
Result<std::string> ResolveReference(const std::string& text, bool reference_only);

}  // namespace tarn::cli
