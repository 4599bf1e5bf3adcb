// StoreOpener: from an address a user writes ("s3://bucket/prefix") to a store.
//
// It is how rooms that know no network (duck) reach stores that need one: the room above hands them
// an opener. Stores of one opener share connections, credentials, limits and metrics.
//
// What it does not do: local paths, which every room opens itself (OpenLocalStore).
//
// Threads: safe. Lifetime: stores may outlive their opener.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "store/object_store.h"
#include "store/request_metrics.h"

namespace tarn::store {

class StoreOpener {
 public:
  virtual ~StoreOpener() = default;
  // True for an address with a scheme this opener knows. No I/O.
  virtual bool Handles(const std::string& address) const = 0;
  // The address in the form EnginePath gives it: "s3a://b/x/" -> "s3://b/x". REQUIRES: Handles.
  virtual Result<std::string> Normalize(const std::string& address) const = 0;
  // The store whose root is `address`; the same store for the same address. No I/O: a wrong name
  // or password shows at the first request.
  virtual Result<std::shared_ptr<ObjectStore>> Open(const std::string& address) = 0;
  // An address of one object -> the store of its bucket and the key there. The key is literal.
  struct Place {
    std::shared_ptr<ObjectStore> store;
    std::string key;  // "" for the bucket itself
  };
  virtual Result<Place> Locate(const std::string& address) = 0;
  virtual std::shared_ptr<RequestMetrics> metrics() const = 0;
};

}  // namespace tarn::store
