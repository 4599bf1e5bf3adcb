// Up to 1,000 objects deleted by one request (DeleteObjects). Internal to this folder.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "store/s3/s3_client.h"

namespace tarn::store::s3 {

// `full_keys` are keys in the bucket. Absent ones are fine. Errors: the first key that could not be
// deleted, with the server's code. A server without DeleteObjects is asked for each key by itself.
Status DeleteBatch(S3Client& client, const std::vector<std::string>& full_keys);

}  // namespace tarn::store::s3
