#include "store/request_metrics.h"

#include <algorithm>

namespace tarn::store {

const char* RequestKindName(RequestKind kind) {
  switch (kind) {
    case RequestKind::kGet: return "get";
    case RequestKind::kHead: return "head";
    case RequestKind::kPut: return "put";
    case RequestKind::kPutIfAbsent: return "put_if_absent";
    case RequestKind::kList: return "list";
    case RequestKind::kDelete: return "delete";
    case RequestKind::kCreateUpload: return "create_upload";
    case RequestKind::kUploadPart: return "upload_part";
    case RequestKind::kCompleteUpload: return "complete_upload";
    case RequestKind::kAbortUpload: return "abort_upload";
  }
  return "";
}

const char* RetryReasonName(RetryReason reason) {
  switch (reason) {
    case RetryReason::kThrottled: return "throttled";
    case RetryReason::kServerError: return "server_error";
    case RetryReason::kConnection: return "connection";
    case RetryReason::kTimeout: return "timeout";
    case RetryReason::kCredentials: return "credentials";
  }
  return "";
}

int64_t RequestMetrics::BucketLimitMillis(size_t bucket) {
  return bucket + 1 >= kBuckets ? INT64_MAX : int64_t{1} << bucket;
}

int64_t RequestMetrics::Row::QuantileMillis(double share) const {
  const auto wanted = static_cast<uint64_t>(share * static_cast<double>(requests));
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    seen += latency[bucket];
    if (seen > wanted || seen == requests) {
      return std::min(BucketLimitMillis(bucket), longest_micros / 1000 + 1);
    }
  }
  return 0;
}

void RequestMetrics::Attempt(RequestKind kind, uint64_t sent, uint64_t received, int64_t micros) {
  size_t bucket = 0;
  while (bucket + 1 < kBuckets && micros > BucketLimitMillis(bucket) * 1000) ++bucket;
  std::lock_guard lock(mutex_);
  Row& row = rows_[static_cast<size_t>(kind)];
  ++row.requests;
  row.bytes_sent += sent;
  row.bytes_received += received;
  row.longest_micros = std::max(row.longest_micros, micros);
  ++row.latency[bucket];
}

void RequestMetrics::Retry(RequestKind kind, RetryReason reason) {
  std::lock_guard lock(mutex_);
  ++rows_[static_cast<size_t>(kind)].retries[static_cast<size_t>(reason)];
}

void RequestMetrics::Failure(RequestKind kind) {
  std::lock_guard lock(mutex_);
  ++rows_[static_cast<size_t>(kind)].failures;
}

std::vector<RequestMetrics::Row> RequestMetrics::Snapshot() const {
  std::lock_guard lock(mutex_);
  std::vector<Row> out;
  for (size_t kind = 0; kind < kRequestKinds; ++kind) {
    if (rows_[kind].requests + rows_[kind].failures == 0) continue;
    out.push_back(rows_[kind]);
    out.back().kind = static_cast<RequestKind>(kind);
  }
  return out;
}

}  // namespace tarn::store
