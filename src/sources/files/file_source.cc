#include "sources/files/file_source.h"

#include <cerrno>
#include <cmath>
#include <cstdlib>

#include "base/clock.h"
#include "sources/files/table_file_source.h"
#include "sources/files/text_file_source.h"

namespace tarn::sources::files {

namespace {

// Seconds until the year 5138, then milliseconds, microseconds, nanoseconds.
std::optional<int64_t> FromEpoch(const std::string& text) {
  if (text.find_first_not_of("0123456789.+-eE") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  errno = 0;
  const int64_t whole = std::strtoll(text.c_str(), &end, 10);
  if (end != text.c_str() && *end == '\0' && errno == 0) {
    const int64_t size = whole < 0 ? -(whole + 1) : whole;
    if (size < 100'000'000'000) return whole * 1'000'000;
    if (size < 100'000'000'000'000) return whole * 1'000;
    return size < 100'000'000'000'000'000 ? whole : whole / 1'000;
  }
  const double seconds = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || *end != '\0' || !(std::fabs(seconds) < 1e11)) return std::nullopt;
  return std::llround(seconds * 1e6);
}

}  // namespace

std::string FileStreamId(const std::string& target, const CheckedFile& file) {
  return "files/" + target + "/" + file.sha256 + "-" + std::to_string(file.stamp.size_bytes);
}

std::unique_ptr<Source> MakeFileSource(CheckedFile file, FileSourceOptions options,
                                       OpenTableRows open_rows) {
  if (options.kind == FileKind::kParquet) {
    return std::make_unique<TableFileSource>(std::move(file), std::move(options),
                                             std::move(open_rows));
  }
  return std::make_unique<TextFileSource>(std::move(file), std::move(options));
}

std::optional<int64_t> ParseEventTime(std::string_view text) {
  if (text.empty() || text.size() > 64) return std::nullopt;
  const std::string value(text);
  if (const auto micros = FromEpoch(value)) return micros;
  const auto parsed = ParseTimestampUtc(value);
  return parsed.ok() ? std::optional<int64_t>(*parsed) : std::nullopt;
}

}  // namespace tarn::sources::files
