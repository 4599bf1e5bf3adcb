// A value or where it is: how secrets get into configuration and command lines.
//
// Threads: free functions.
#pragma once

#include <string>

#include "base/status.h"

namespace tarn {

// "env:NAME", "file:PATH" (one trailing line break is dropped), else the text itself. With
// `reference_only` a plain text is refused: what is secret does not belong there. Errors: kNotFound
// naming the variable or file; kInvalidArgument. The value is never in a message.
Result<std::string> ResolveReference(const std::string& text, bool reference_only);

// "1s", "500ms", "15min", "2h", "1d" in microseconds. kInvalidArgument otherwise.
Result<int64_t> ParseDurationMicros(const std::string& text);

// "512MB", "2GiB", "1.5g", "1000": bytes (powers of 1024). kInvalidArgument otherwise.
Result<uint64_t> ParseByteSize(const std::string& text);

}  // namespace tarn
