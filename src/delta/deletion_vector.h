// Deletion vectors: the set of row positions of one data file that no longer count (PROTOCOL.md,
// "Deletion Vectors").
//
// Threads: value type. Errors: kCorruption for bad magic, size, checksum or bitmap bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "delta/actions.h"
#include "store/object_store.h"

namespace tarn::delta {

// 64-bit Roaring bitmap of row positions (0-based, physical).
class RowSet {
 public:
  RowSet();
  RowSet(const RowSet&);
  RowSet& operator=(const RowSet&);
  RowSet(RowSet&&) noexcept;
  RowSet& operator=(RowSet&&) noexcept;
  ~RowSet();
  void Add(uint64_t row);
  void AddMany(const uint64_t* rows, size_t count);
  bool Contains(uint64_t row) const;
  void UnionWith(const RowSet& other);
  uint64_t Cardinality() const;
  bool Intersects(const RowSet& other) const;
  void ForEach(const std::function<void(uint64_t)>& visit) const;  // ascending
  // For rows [begin, begin + count): writes the positions (relative to begin) of rows NOT in the
  // set into `kept` and returns how many. `kept` must have room for `count`.
  size_t SelectKept(uint64_t begin, size_t count, uint32_t* kept) const;
  // Magic + portable 64-bit bitmap, as stored inline or inside a file.
  std::string Serialize() const;
  static Result<RowSet> Deserialize(std::string_view bytes);

 private:
  static Result<RowSet> DeserializeOldLayout(std::string_view bytes);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Reads what a descriptor points at. `table_root` is the table's key in the store.
Result<RowSet> ReadDeletionVector(store::ObjectStore& store, const std::string& table_root,
                                  const DeletionVectorDescriptor& descriptor);

// Writes many vectors into one file `deletion_vector_<uuid>.bin` in the table's folder, durable
// before it returns; the descriptors come back in the order given. Small sets (< 64 bytes) may be
// inline.
Result<std::vector<DeletionVectorDescriptor>> WriteDeletionVectors(store::ObjectStore& store,
                                                                   const std::string& table_root,
                                                                   const std::vector<RowSet>& sets,
                                                                   Random& random);

// The store's key of the file that holds the vector; empty for an inline one.
Result<std::string> DeletionVectorKey(const store::ObjectStore& store,
                                      const std::string& table_root,
                                      const DeletionVectorDescriptor& descriptor);

}  // namespace tarn::delta
