#include "duck/tail_cache.h"

#include <utility>

namespace tarn::duck {

void TailCache::Erase(std::list<Entry>::iterator entry) {
  used_bytes_ -= entry->tail->bytes.size();
  by_path_.erase(entry->path);
  entries_.erase(entry);
}

TailCache::TailPtr TailCache::Find(const std::string& path, const std::string& version) {
  std::lock_guard<std::mutex> guard(mutex_);
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) return nullptr;
  if (found->second->version != version) {
    Erase(found->second);
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->tail;
}

TailCache::TailPtr TailCache::Put(const std::string& path, const std::string& version, Tail tail) {
  auto kept = std::make_shared<const Tail>(std::move(tail));
  std::lock_guard<std::mutex> guard(mutex_);
  const auto found = by_path_.find(path);
  if (found != by_path_.end()) Erase(found->second);
  used_bytes_ += kept->bytes.size();
  entries_.push_front({path, version, kept});
  by_path_[path] = entries_.begin();
  while (used_bytes_ > capacity_bytes_ && entries_.size() > 1) Erase(std::prev(entries_.end()));
  return kept;
}

}  // namespace tarn::duck
