// ObjectStore: a flat map from keys to byte objects, the only door to durable state.
//
// Keys are '/'-separated, relative to the store's root, never start or end with '/', never contain
// an empty, "." or ".." part; any other byte is allowed and taken literally (no URI decoding here).
// The root of a local store is a folder of the file system, and an absolute key is not possible:
// tables outside the root are opened with a store of their own.
//
// What it does not do: no caching, no retries of non-idempotent calls, no knowledge of Delta.
//
// Threads: implementations are safe for concurrent calls on one object.
//
// Durability: when a Put or an ObjectWriter::Finish returns OK the object and its name survive a
// crash of the machine (local: fsync of file and folder). A key is never visible with partial
// content.
//
// Errors: kNotFound for an absent key; kAlreadyExists when put-if-absent lost; kPermission,
// kResource (disk full), kIo with the retry class set; kOutcomeUnknown when a conditional write may
// have happened: read the key back before acting.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace tarn::store {

struct ObjectInfo {
  std::string key;
  uint64_t size_bytes = 0;
  int64_t modified_micros = 0;  // since the epoch, by the store's clock; S3 knows seconds only
  // Tells two contents of one key apart where the times cannot (S3's ETag); "" where there is none.
  std::string tag;
};

enum class PutMode {
  kOverwrite,   // last writer wins
  kCreateOnly,  // put-if-absent: exactly one of concurrent writers succeeds
};

// A sequential upload. Nothing is visible under the key until Finish returns OK.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() = default;  // without Finish: the bytes are discarded
  virtual Status Append(std::string_view bytes) = 0;
  // Makes the object visible and durable; call once.
  virtual Status Finish() = 0;
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  virtual Result<std::string> Get(const std::string& key) = 0;
  // Bytes [offset, offset + length) cut at the object's end; offset beyond the end is an error.
  virtual Result<std::string> GetRange(const std::string& key, uint64_t offset,
                                       uint64_t length) = 0;
  virtual Result<ObjectInfo> Head(const std::string& key) = 0;
  virtual Status Put(const std::string& key, std::string_view bytes, PutMode mode) = 0;
  // Put-if-absent of an object whose loss harms nobody (a checksum): whole for every reader, but
  // nobody waits for the disk. After a power cut it may be gone, or be there without its bytes.
  virtual Status PutExpendable(const std::string& key, std::string_view bytes) {
    return Put(key, bytes, PutMode::kCreateOnly);
  }
  virtual Result<std::unique_ptr<ObjectWriter>> OpenWriter(const std::string& key,
                                                           PutMode mode) = 0;
  // Absent keys are fine: deleting is idempotent.
  virtual Status Delete(const std::string& key) = 0;
  // Several at once, where the store has a cheaper way than one by one (S3: 1,000 a request). Not
  // atomic: after an error any of them may be gone. They go in the order given, as far as the store
  // can promise it: what comes in an earlier thousand goes earlier.
  virtual Status DeleteMany(const std::vector<std::string>& keys);
  // Small objects, read whole and, where waiting costs more than work, at the same time. One result
  // per key, in the order given.
  virtual std::vector<Result<std::string>> GetMany(const std::vector<std::string>& keys);

  // All objects whose key starts with `prefix` and is > `start_after` (byte order), ascending.
  // A folder that does not exist lists as empty. `limit` 0 means all.
  virtual Result<std::vector<ObjectInfo>> List(const std::string& prefix,
                                               const std::string& start_after = "",
                                               size_t limit = 0) = 0;
  // Names (not keys) of the objects and of the folders directly below `folder` ("" is the root).
  struct Listing {
    std::vector<std::string> objects;
    std::vector<std::string> folders;
  };
  virtual Result<Listing> ListFolder(const std::string& folder) = 0;

  // The name under which DuckDB's file system opens this key (a local path, or s3://…).
  // A memory store returns an empty string: it has none.
  virtual std::string EnginePath(const std::string& key) const = 0;
  // For messages: where the root is.
  virtual std::string Describe() const = 0;
};

// A store in memory, for tests. Stricter than a disk: Get and List copy, nothing is shared.
std::shared_ptr<ObjectStore> MakeMemoryStore();

struct LocalStoreOptions {
  bool fsync = true;  // off only for scratch lakes: acknowledged commits may vanish in a power cut
  bool create_root = false;  // make the root folder when it is absent
};
// Errors: kNotFound when the root is absent and create_root is off, or is not a folder;
// kPermission.
Result<std::shared_ptr<ObjectStore>> OpenLocalStore(const std::string& root,
                                                    const LocalStoreOptions& options = {});

// Fails unless `key` has the form described at the top.
Status ValidateKey(const std::string& key);

}  // namespace tarn::store
