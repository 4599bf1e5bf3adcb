#include "sources/kafka/kafka_topics.h"

#include <chrono>
#include <thread>

namespace tarn::sources::kafka {
namespace {

bool IsRefusal(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED: return true;
    default: return false;
  }
}

bool IsAbsent(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
         error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

// A partition whose leader changes, or whose broker has just come back and knows less than this
// client: the library gives these up although the next answer is a good one.
bool IsMoving(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH: return true;
    default: return false;
  }
}

AdminOptionsPtr OptionsFor(rd_kafka_t* client, rd_kafka_admin_op_t operation, int64_t timeout_ms) {
  AdminOptionsPtr options(rd_kafka_AdminOptions_new(client, operation));
  char message[256];
  (void)rd_kafka_AdminOptions_set_request_timeout(options.get(), static_cast<int>(timeout_ms),
                                                  message, sizeof(message));
  return options;
}

// The answer to the one request that `queue` was given.
Result<EventPtr> Await(rd_kafka_queue_t* queue, const std::string& what, int64_t timeout_ms) {
  EventPtr event(rd_kafka_queue_poll(queue, static_cast<int>(timeout_ms + 1'000)));
  if (!event) return StatusOf(RD_KAFKA_RESP_ERR__TIMED_OUT, "", what);
  if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* detail = rd_kafka_event_error_string(event.get());
    return StatusOf(error, detail == nullptr ? "" : detail, what);
  }
  return event;
}

}  // namespace

Status StatusOf(rd_kafka_resp_err_t error, const std::string& detail, const std::string& what) {
  std::string message = what + ": " + (detail.empty() ? rd_kafka_err2str(error) : detail);
  for (char& c : message) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  if (IsRefusal(error)) return Status::Permission(std::move(message));
  return Status::Io(std::move(message), RetryClass::kBackoff);
}

Result<std::map<std::string, TopicFacts>> DescribeTopics(rd_kafka_t* client,
                                                         const std::vector<std::string>& topics,
                                                         int64_t timeout_ms) {
  std::map<std::string, TopicFacts> out;
  if (topics.empty()) return out;
  std::vector<const char*> names;
  for (const std::string& topic : topics) names.push_back(topic.c_str());
  const TopicCollectionPtr collection(
      rd_kafka_TopicCollection_of_topic_names(names.data(), names.size()));
  const AdminOptionsPtr options = OptionsFor(client, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, timeout_ms);
  const QueuePtr queue(rd_kafka_queue_new(client));
  rd_kafka_DescribeTopics(client, collection.get(), options.get(), queue.get());
  TARN_ASSIGN_OR_RETURN(const EventPtr event,
                        Await(queue.get(), "describing topic " + topics[0], timeout_ms));
  size_t count = 0;
  const auto* found = rd_kafka_DescribeTopics_result_topics(
      rd_kafka_event_DescribeTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const std::string name = rd_kafka_TopicDescription_name(found[i]);
    if (const auto* error = rd_kafka_TopicDescription_error(found[i])) {
      const auto code = rd_kafka_error_code(error);
      if (IsAbsent(code)) continue;
      if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return StatusOf(code, rd_kafka_error_string(error), "describing topic " + name);
      }
    }
    TopicFacts facts;
    size_t partitions = 0;
    (void)rd_kafka_TopicDescription_partitions(found[i], &partitions);
    facts.partitions = static_cast<int32_t>(partitions);
    const rd_kafka_Uuid_t* id = rd_kafka_TopicDescription_topic_id(found[i]);
    if (id != nullptr && (rd_kafka_Uuid_most_significant_bits(id) != 0 ||
                          rd_kafka_Uuid_least_significant_bits(id) != 0)) {
      facts.id = rd_kafka_Uuid_base64str(id);
    }
    out[name] = std::move(facts);
  }
  return out;
}

namespace {

// One request; `moving` tells that another one a little later may be answered.
Result<std::map<TopicPartition, int64_t>> ListOnce(rd_kafka_t* client,
                                                   const std::vector<TopicPartition>& partitions,
                                                   int64_t spec, bool read_committed,
                                                   int64_t timeout_ms, bool* moving) {
  std::map<TopicPartition, int64_t> out;
  const PartitionListPtr list(
      rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const auto& [topic, partition] : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = spec;
  }
  const AdminOptionsPtr options = OptionsFor(client, RD_KAFKA_ADMIN_OP_LISTOFFSETS, timeout_ms);
  const ErrorPtr refused(rd_kafka_AdminOptions_set_isolation_level(
      options.get(), read_committed ? RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED
                                    : RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED));
  if (refused) return Status::Internal(rd_kafka_error_string(refused.get()));
  const QueuePtr queue(rd_kafka_queue_new(client));
  rd_kafka_ListOffsets(client, list.get(), options.get(), queue.get());
  TARN_ASSIGN_OR_RETURN(
      const EventPtr event,
      Await(queue.get(), "listing offsets of topic " + partitions[0].first, timeout_ms));
  size_t count = 0;
  const auto* infos =
      rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const auto* found = rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
    if (IsAbsent(found->err)) continue;
    if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      *moving = IsMoving(found->err);
      return StatusOf(found->err, "",
                      "listing offsets of " + std::string(found->topic) + "/" +
                          std::to_string(found->partition));
    }
    out[{found->topic, found->partition}] = found->offset;
  }
  return out;
}

}  // namespace

Result<std::map<TopicPartition, int64_t>> ListOffsets(rd_kafka_t* client,
                                                      const std::vector<TopicPartition>& partitions,
                                                      int64_t spec, bool read_committed,
                                                      int64_t timeout_ms) {
  if (partitions.empty()) return std::map<TopicPartition, int64_t>();
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  while (true) {
    bool moving = false;
    auto listed = ListOnce(client, partitions, spec, read_committed, timeout_ms, &moving);
    if (!moving || std::chrono::steady_clock::now() >= until) return listed;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace tarn::sources::kafka
