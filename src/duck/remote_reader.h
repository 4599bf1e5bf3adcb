// RemoteReader: positional reads of one object of a remote store, with few requests.
//
// What it saves, beside what DuckDB does itself (one read for a footer, one for neighbouring column
// chunks, a cache of what was read): a file of up to half a megabyte is fetched whole with its
// footer; the ends of larger ones are kept (TailCache); small reads that follow each other closely,
// upwards or downwards, are answered from a window that grows as long as they do. Long reads go to
// the store in one call, which fetches their pieces in parallel.
//
// Threads: safe. Errors: the store's; kCorruption when the object ends before what is asked for.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "base/status.h"
#include "duck/tail_cache.h"
#include "store/object_store.h"

namespace tarn::duck {

class RemoteReader {
 public:
  // `store` and `tails` outlive the reader. `path` names the file in the cache and in messages.
  RemoteReader(store::ObjectStore& store, std::string key, std::string path, uint64_t size_bytes,
               std::string version, TailCache& tails);
  Status ReadAt(uint64_t offset, uint64_t count, char* out);

 private:
  struct Window {
    uint64_t offset = 0;
    std::string bytes;
    bool Holds(uint64_t from, uint64_t count) const {
      return from >= offset && from + count <= offset + bytes.size();
    }
  };
  struct Range {
    uint64_t offset = 0;
    uint64_t length = 0;
  };
  Result<std::string> Fetch(Range range);
  // The range to fetch for a read: itself, or more while reads come one after the other.
  Range Widen(uint64_t offset, uint64_t count);

  store::ObjectStore& store_;
  const std::string key_;
  const std::string path_;
  const uint64_t size_bytes_;
  const std::string version_;
  TailCache& tails_;

  std::mutex mutex_;  // guards what follows
  Window window_;
  uint64_t last_offset_ = 0;
  uint64_t last_end_ = 0;
  uint64_t ahead_bytes_ = 0;  // 0: the last two reads were not neighbours
};

}  // namespace tarn::duck
