// An upload in parts, several at once; below the threshold one put. Internal to this folder.
//
// Memory: at most parallel_parts + 1 parts. Dropped without Finish, the upload is aborted.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "store/object_store.h"
#include "store/s3/s3_client.h"

namespace tarn::store::s3 {

Result<std::unique_ptr<ObjectWriter>> MakeMultipartWriter(
    std::shared_ptr<S3Client> client, std::string full_key, PutMode mode,
    std::function<Status(std::string_view)> put_small);

}  // namespace tarn::store::s3
