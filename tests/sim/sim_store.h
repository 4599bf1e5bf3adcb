// SimStore: an object store in memory that misbehaves as the world decides. Its own contents are
// always exact: what is late, stale or lost is only what callers see.
//
// It offers what the ObjectStore contract allows and nothing more; stale lists and reads are beyond
// the contract, they happen in runs whose Conditions say so.
//
// Threads: none.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "delta/checkpoint_format.h"
#include "store/object_store.h"
#include "world.h"

namespace tarn::sim {

class SimStore final : public store::ObjectStore, public std::enable_shared_from_this<SimStore> {
 public:
  explicit SimStore(World& world) : world_(world) {}
  Result<std::string> Get(const std::string& key) override;
  Result<std::string> GetRange(const std::string& key, uint64_t offset, uint64_t length) override;
  Result<store::ObjectInfo> Head(const std::string& key) override;
  Status Put(const std::string& key, std::string_view bytes, store::PutMode mode) override;
  Result<std::unique_ptr<store::ObjectWriter>> OpenWriter(const std::string& key,
                                                          store::PutMode mode) override;
  Status Delete(const std::string& key) override;
  Result<std::vector<store::ObjectInfo>> List(const std::string& prefix,
                                              const std::string& start_after,
                                              size_t limit) override;
  Result<Listing> ListFolder(const std::string& folder) override;
  std::string EnginePath(const std::string& key) const override { return kPlace + key; }
  std::string Describe() const override { return "the simulated store"; }

  // Requests that are still on their way arrive, each with a chance of one in `one_in`.
  void DeliverDelayed(uint64_t one_in);

  // For the model: no call, nothing fails.
  bool Holds(const std::string& key) const { return objects_.count(key) != 0; }
  std::vector<store::ObjectInfo> Everything() const;

  static constexpr char kPlace[] = "/sim/";

 private:
  struct Object {
    std::string bytes;
    int64_t modified_micros = 0;
    uint64_t written_at = 0;  // count of changes of the store
  };
  struct Gone {
    store::ObjectInfo info;
    uint64_t written_at = 0;
    uint64_t deleted_at = 0;
  };
  struct Request {
    std::string key;
    std::string bytes;
    store::PutMode mode = store::PutMode::kOverwrite;
    bool is_delete = false;
    int64_t vacuum_began = 0;  // of the VACUUM that deletes; 0: another
  };
  Status Ask(const char* what, const std::string& key, Event fault, uint64_t one_in);
  Result<const Object*> Find(const std::string& key);
  Status Apply(const std::string& key, std::string bytes, store::PutMode mode);
  void ApplyDelete(const std::string& key, int64_t vacuum_began);
  static bool MayRot(const std::string& key);

  World& world_;
  std::map<std::string, Object> objects_;
  std::deque<Gone> gone_;  // recent ones, for stale lists
  std::vector<Request> delayed_;
  uint64_t changes_ = 0;
};

// Checkpoints as JSON lines behind a mark and before another; a cut-off or garbled one is noticed.
std::shared_ptr<delta::CheckpointFormat> MakeSimCheckpointFormat(World& world);

}  // namespace tarn::sim
