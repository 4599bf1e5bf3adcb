// TailCache: the ends of files of a remote store, where Parquet keeps its footer; small files
// whole.
//
// Bounded: at most `capacity_bytes`, least recently used out first. It does not know when a file
// changed: a path is put in together with the file's size and time, and found only with the same.
//
// Threads: safe.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace tarn::duck {

class TailCache {
 public:
  struct Tail {
    uint64_t offset = 0;  // of the first byte in the file
    std::string bytes;    // up to the file's end
  };
  using TailPtr = std::shared_ptr<const Tail>;

  explicit TailCache(uint64_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}
  // `version` is whatever tells two contents under one path apart.
  TailPtr Find(const std::string& path, const std::string& version);
  TailPtr Put(const std::string& path, const std::string& version, Tail tail);

 private:
  struct Entry {
    std::string path;
    std::string version;
    TailPtr tail;
  };
  void Erase(std::list<Entry>::iterator entry);

  uint64_t capacity_bytes_;
  std::mutex mutex_;
  uint64_t used_bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_path_;
};

}  // namespace tarn::duck
