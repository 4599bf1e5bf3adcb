// The store below a lake: for leases and statuses beside the tables.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "store/object_store.h"

namespace tarn::app {

// A folder (made when absent and `create`), or s3://bucket/prefix with the AWS_* variables or
// profile. Errors: kNotFound, kPermission, kInvalidArgument for an address of no known kind.
Result<std::shared_ptr<store::ObjectStore>> OpenLakeStore(const std::string& lake, bool create,
                                                          bool fsync);

}  // namespace tarn::app
