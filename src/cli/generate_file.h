// One output file of the generator: buffered, optionally gzip, in place under its name only when
// whole.
//
// Not thread-safe. Errors stick: every call after a failed one does nothing, and Close reports the
// first.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace tarn::cli {

class GenerateFile {
 public:
  // ".gz" is added to the path with `gzip`. The folder must exist.
  GenerateFile(std::string path, bool gzip);
  ~GenerateFile();
  GenerateFile(const GenerateFile&) = delete;
  GenerateFile& operator=(const GenerateFile&) = delete;

  // Lines are appended here; call Spill after each.
  std::string& buffer() { return buffer_; }
  // Writes the buffer out when it is large.
  void Spill() {
    if (buffer_.size() >= kSpillBytes) Flush();
  }
  // Writes the rest and renames into place.
  Status Close();
  uint64_t bytes() const { return bytes_ + buffer_.size(); }

 private:
  static constexpr size_t kSpillBytes = 1 << 20;
  void Flush();

  std::string path_;
  std::string temporary_;
  gzFile file_ = nullptr;
  std::string buffer_;
  uint64_t bytes_ = 0;
  Status status_;
};

}  // namespace tarn::cli
