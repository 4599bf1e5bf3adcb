#include "app/lake_store.h"

#include "store/s3/s3_opener.h"

namespace tarn::app {

Result<std::shared_ptr<store::ObjectStore>> OpenLakeStore(const std::string& lake, bool create,
                                                          bool fsync) {
  if (lake.find("://") == std::string::npos) {
    store::LocalStoreOptions options;
    options.fsync = fsync;
    options.create_root = create;
    return store::OpenLocalStore(lake, options);
  }
  TARN_ASSIGN_OR_RETURN(const auto opener, store::s3::MakeS3Opener({}));
  if (!opener->Handles(lake)) {
    return Status::InvalidArgument("'" + lake +
                                   "' is no lake; write a folder or s3://bucket/prefix");
  }
  return opener->Open(lake);
}

}  // namespace tarn::app
