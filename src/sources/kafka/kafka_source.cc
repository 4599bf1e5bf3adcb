#include "sources/kafka/kafka_source.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <set>

#include "sources/kafka/kafka_conf.h"
#include "sources/kafka/kafka_handles.h"
#include "sources/kafka/kafka_record.h"
#include "sources/kafka/kafka_topics.h"
#include "sources/kafka/lane_opening.h"

namespace tarn::sources::kafka {
namespace {

constexpr size_t kMessagesAtOnce = 4096;
constexpr int64_t kLongestWaitMs = 200;  // between two looks at the stop token
constexpr int64_t kCloseTimeoutMs = 4'000;

struct Lane {
  KafkaPosition position;  // offset: of the next record wanted
  std::string stream_id;
  bool at_end = false;
  int64_t end = -1;
  bool moved = false;      // since the last batch
  std::string_view topic;  // in the arena of the batch under way; empty: not yet
};

class KafkaSource final : public LiveSource {
 public:
  explicit KafkaSource(KafkaOptions options)
      : options_(std::move(options)), name_("kafka stream " + options_.stream) {
    if (options_.group.empty()) options_.group = "tarn-" + options_.stream;
  }
  ~KafkaSource() override { Stop(); }

  const std::string& name() const override { return name_; }
  Status Start(PositionReader& reader, std::stop_token stop) override;
  Result<LiveBatch> Poll(const BatchLimits& limits) override;
  Status Rewind() override;
  void Acknowledge(const std::vector<LaneMove>& lanes) override;
  std::vector<LaneStatus> Lanes() const override;
  std::string Trouble() const override { return trouble_; }
  void Stop() override;

 private:
  Status Connect();
  Status AssignAll();
  static void OnRebalance(rd_kafka_t* client, rd_kafka_resp_err_t event,
                          rd_kafka_topic_partition_list_t* partitions, void* self);
  static void OnError(rd_kafka_t* client, int error, const char* reason, void* self);
  void Rebalance(rd_kafka_resp_err_t event, rd_kafka_topic_partition_list_t* partitions);
  Status OpenLanes(rd_kafka_topic_partition_list_t* partitions);
  Result<std::vector<LaneFacts>> FactsOf(const std::vector<TopicPartition>& partitions);
  Status AddCommitted(const std::map<std::string, TopicFacts>& topics,
                      std::vector<LaneFacts>* facts);
  void Adopt(const LaneOpening& opening, int64_t end);
  void Drop(const rd_kafka_topic_partition_list_t* partitions);

  Status Take(rd_kafka_message_t* message);
  Status TakeError(const rd_kafka_message_t* message);
  void TakeRecord(const rd_kafka_message_t* message, Lane& lane);
  Lane* LaneOf(const rd_kafka_message_t* message);
  std::string_view TopicOf(Lane& lane);
  uint64_t BatchBytes() const { return batch_.batch.arena.size_bytes(); }
  bool IsFull(const BatchLimits& limits) const;
  Status Collect(const BatchLimits& limits);
  Status CheckTopicIds();
  LiveBatch Close();
  void RefreshEnds();

  KafkaOptions options_;
  std::string name_;
  PositionReader* reader_ = nullptr;
  std::stop_token stop_;
  rd_kafka_t* client_ = nullptr;
  rd_kafka_queue_t* queue_ = nullptr;
  std::map<TopicPartition, Lane> lanes_;
  LiveBatch batch_;          // under way
  bool rebalanced_ = false;  // lanes came or went since the batch began
  Status failure_;           // met inside a callback; Poll returns it
  std::string trouble_;
  // The lane of the last message: they come in runs.
  rd_kafka_topic_t* last_topic_ = nullptr;
  int32_t last_partition_ = -1;
  Lane* last_lane_ = nullptr;
};

Status KafkaSource::Start(PositionReader& reader, std::stop_token stop) {
  Stop();
  reader_ = &reader;
  stop_ = std::move(stop);
  return Connect();
}

Status KafkaSource::Rewind() {
  // A consumer made anew has nothing of the old one in its queues; a seek would have to be trusted.
  Stop();
  return Connect();
}

Status KafkaSource::Connect() {
  failure_ = Status::Ok();
  batch_ = LiveBatch();
  TARN_ASSIGN_OR_RETURN(ConfPtr conf, MakeConsumerConf(options_));
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_rebalance_cb(conf.get(), &KafkaSource::OnRebalance);
  rd_kafka_conf_set_error_cb(conf.get(), &KafkaSource::OnError);
  char message[512];
  client_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf.get(), message, sizeof(message));
  if (client_ == nullptr) return Status::InvalidArgument(name_ + ": " + message);
  (void)conf.release();  // the client owns it now
  (void)rd_kafka_poll_set_consumer(client_);
  queue_ = rd_kafka_queue_get_consumer(client_);
  if (!options_.partitions.empty()) return AssignAll();
  const PartitionListPtr topics(
      rd_kafka_topic_partition_list_new(static_cast<int>(options_.topics.size())));
  for (const std::string& topic : options_.topics) {
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  const auto error = rd_kafka_subscribe(client_, topics.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOf(error, "", name_ + ": subscribing");
  return Status::Ok();
}

Status KafkaSource::AssignAll() {
  const PartitionListPtr list(rd_kafka_topic_partition_list_new(8));
  for (const std::string& topic : options_.topics) {
    for (const int32_t partition : options_.partitions) {
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition);
    }
  }
  TARN_RETURN_IF_ERROR(OpenLanes(list.get()));
  const auto error = rd_kafka_assign(client_, list.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return StatusOf(error, "", name_ + ": assigning");
  return Status::Ok();
}

void KafkaSource::OnRebalance(rd_kafka_t* client, rd_kafka_resp_err_t event,
                              rd_kafka_topic_partition_list_t* partitions, void* self) {
  static_cast<KafkaSource*>(self)->Rebalance(event, partitions);
}

void KafkaSource::OnError(rd_kafka_t* client, int error, const char* reason, void* self) {
  auto& source = *static_cast<KafkaSource*>(self);
  const Status status = StatusOf(static_cast<rd_kafka_resp_err_t>(error),
                                 reason == nullptr ? "" : reason, source.name_);
  if (status.retry() == RetryClass::kNo || error == RD_KAFKA_RESP_ERR__FATAL) {
    source.failure_ = status;
  } else {
    source.trouble_ = status.message();
  }
}

void KafkaSource::Rebalance(rd_kafka_resp_err_t event,
                            rd_kafka_topic_partition_list_t* partitions) {
  rebalanced_ = true;
  const char* protocol = rd_kafka_rebalance_protocol(client_);
  const bool cooperative = protocol != nullptr && std::strcmp(protocol, "COOPERATIVE") == 0;
  if (event == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    const Status opened = OpenLanes(partitions);
    // Without lanes its messages are not taken; Poll fails and the stream is started again.
    if (!opened.ok() && failure_.ok()) failure_ = opened;
    if (cooperative) {
      const ErrorPtr error(rd_kafka_incremental_assign(client_, partitions));
    } else {
      (void)rd_kafka_assign(client_, partitions);
    }
    return;
  }
  Drop(partitions);
  if (cooperative) {
    const ErrorPtr error(rd_kafka_incremental_unassign(client_, partitions));
  } else {
    (void)rd_kafka_assign(client_, nullptr);
  }
}

// Leaves the offset to begin at in each element of `partitions`.
Status KafkaSource::OpenLanes(rd_kafka_topic_partition_list_t* partitions) {
  std::vector<TopicPartition> wanted;
  for (int i = 0; i < partitions->cnt; ++i) {
    wanted.emplace_back(partitions->elems[i].topic, partitions->elems[i].partition);
  }
  TARN_ASSIGN_OR_RETURN(const std::vector<LaneFacts> facts, FactsOf(wanted));
  std::map<TopicPartition, int64_t> begins;
  for (const LaneFacts& lane : facts) {
    TARN_ASSIGN_OR_RETURN(const LaneOpening opening, OpenLane(lane, options_));
    Adopt(opening, lane.end);
    begins[{lane.topic, lane.partition}] = opening.position.offset;
  }
  for (int i = 0; i < partitions->cnt; ++i) {
    auto& element = partitions->elems[i];
    element.offset = begins.at({element.topic, element.partition});
  }
  return Status::Ok();
}

Result<std::vector<LaneFacts>> KafkaSource::FactsOf(const std::vector<TopicPartition>& wanted) {
  std::set<std::string> names;
  for (const auto& [topic, partition] : wanted) names.insert(topic);
  const int64_t timeout = options_.request_timeout_ms;
  TARN_ASSIGN_OR_RETURN(
      const auto topics,
      DescribeTopics(client_, std::vector<std::string>(names.begin(), names.end()), timeout));
  const auto list = [&](int64_t spec) {
    return ListOffsets(client_, wanted, spec, options_.read_committed, timeout);
  };
  TARN_ASSIGN_OR_RETURN(const auto lows, list(RD_KAFKA_OFFSET_SPEC_EARLIEST));
  TARN_ASSIGN_OR_RETURN(const auto ends, list(RD_KAFKA_OFFSET_SPEC_LATEST));
  std::map<TopicPartition, int64_t> at_time;
  if (options_.start.kind == StartAt::Kind::kTimestamp) {
    TARN_ASSIGN_OR_RETURN(at_time, list(options_.start.timestamp_ms));
  }
  std::vector<LaneFacts> out;
  for (const TopicPartition& at : wanted) {
    const auto topic = topics.find(at.first);
    const auto low = lows.find(at);
    const auto end = ends.find(at);
    if (topic == topics.end() || low == lows.end() || end == ends.end()) {
      return Status::Io(name_ + ": partition " + at.first + "/" + std::to_string(at.second) +
                            " is not at the brokers",
                        RetryClass::kBackoff);
    }
    LaneFacts facts;
    facts.topic = at.first;
    facts.partition = at.second;
    facts.topic_id = topic->second.id;
    facts.partitions_now = topic->second.partitions;
    facts.low = low->second;
    facts.end = end->second;
    if (const auto found = at_time.find(at); found != at_time.end()) {
      facts.at_timestamp = found->second;
    }
    out.push_back(std::move(facts));
  }
  TARN_RETURN_IF_ERROR(AddCommitted(topics, &out));
  return out;
}

// What the target knows of these partitions, and of their topics' others.
Status KafkaSource::AddCommitted(const std::map<std::string, TopicFacts>& topics,
                                 std::vector<LaneFacts>* facts) {
  std::vector<LaneName> names;
  std::vector<TopicPartition> places;
  for (const auto& [topic, about] : topics) {
    for (int32_t partition = 0; partition < about.partitions; ++partition) {
      places.emplace_back(topic, partition);
      const bool opens = std::any_of(facts->begin(), facts->end(), [&](const LaneFacts& lane) {
        return lane.partition == partition && lane.topic == topic;
      });
      names.push_back({StreamId(options_.stream, topic, partition), topic, opens});
    }
  }
  TARN_ASSIGN_OR_RETURN(const auto positions, reader_->ReadPositions(names));
  std::map<TopicPartition, KafkaPosition> known;
  std::map<std::string, int32_t> initial;
  for (size_t i = 0; i < positions.size(); ++i) {
    if (positions[i].json.empty()) continue;
    TARN_ASSIGN_OR_RETURN(KafkaPosition position, FromPosition(positions[i]));
    const std::string& topic = places[i].first;
    const std::string& id_now = topics.at(topic).id;
    // Partitions of an earlier life say nothing about how many this one began with.
    if (position.topic_id.empty() || id_now.empty() || position.topic_id == id_now) {
      const auto found = initial.find(topic);
      initial[topic] = found == initial.end()
                           ? position.initial_partitions
                           : std::min(found->second, position.initial_partitions);
    }
    known[places[i]] = std::move(position);
  }
  for (LaneFacts& lane : *facts) {
    if (const auto found = known.find({lane.topic, lane.partition}); found != known.end()) {
      lane.committed = found->second;
    }
    if (const auto found = initial.find(lane.topic); found != initial.end()) {
      lane.initial_partitions = found->second;
    }
  }
  return Status::Ok();
}

void KafkaSource::Adopt(const LaneOpening& opening, int64_t end) {
  const KafkaPosition& position = opening.position;
  Lane lane;
  lane.position = position;
  lane.stream_id = StreamId(options_.stream, position.topic, position.partition);
  lane.end = end;
  lane.at_end = position.offset >= end;
  lane.moved = opening.is_new;
  Lane& held = lanes_[{position.topic, position.partition}] = std::move(lane);
  last_lane_ = nullptr;
  if (opening.loss_rule.empty()) return;
  BadRecord loss;
  loss.topic = TopicOf(held);
  loss.partition = position.partition;
  loss.offset = opening.loss_offset;
  loss.rule = opening.loss_rule;
  loss.reason = opening.loss_reason;
  batch_.batch.bad.push_back(std::move(loss));
}

// What the batch under way has of partitions that went is read again by their new owner.
void KafkaSource::Drop(const rd_kafka_topic_partition_list_t* partitions) {
  std::set<std::pair<std::string_view, int32_t>> gone;
  for (int i = 0; i < partitions->cnt; ++i) {
    const auto& element = partitions->elems[i];
    gone.emplace(element.topic, element.partition);
    lanes_.erase({element.topic, element.partition});
  }
  last_lane_ = nullptr;
  std::erase_if(batch_.batch.records, [&](const Record& at) {
    return gone.count({at.topic, at.partition}) != 0;
  });
  std::erase_if(batch_.batch.bad, [&](const BadRecord& at) {
    return gone.count({at.topic, at.partition}) != 0;
  });
}

Lane* KafkaSource::LaneOf(const rd_kafka_message_t* message) {
  if (last_lane_ != nullptr && message->rkt == last_topic_ &&
      message->partition == last_partition_) {
    return last_lane_;
  }
  const auto found = lanes_.find({rd_kafka_topic_name(message->rkt), message->partition});
  if (found == lanes_.end()) return nullptr;
  last_topic_ = message->rkt;
  last_partition_ = message->partition;
  last_lane_ = &found->second;
  return last_lane_;
}

std::string_view KafkaSource::TopicOf(Lane& lane) {
  if (lane.topic.empty()) lane.topic = batch_.batch.arena.Copy(lane.position.topic);
  return lane.topic;
}

void KafkaSource::TakeRecord(const rd_kafka_message_t* message, Lane& lane) {
  ByteArena& arena = batch_.batch.arena;
  const std::string_view payload(static_cast<const char*>(message->payload), message->len);
  if (message->len > options_.max_record_bytes) {
    BadRecord bad;
    bad.payload = arena.Copy(payload.substr(0, kMaxBadPayloadBytes));
    bad.payload_bytes = payload.size();
    bad.topic = TopicOf(lane);
    bad.partition = message->partition;
    bad.offset = message->offset;
    Record whole;
    FillRecordFrame(message, &arena, &whole);
    bad.key = whole.key;
    bad.headers = std::move(whole.headers);
    bad.event_time_micros = whole.event_time_micros;
    bad.rule = "kafka.record_too_long";
    bad.reason = "the message has " + std::to_string(message->len) + " bytes, more than " +
                 std::to_string(options_.max_record_bytes);
    batch_.batch.bad.push_back(std::move(bad));
    return;
  }
  Record& record = batch_.batch.records.emplace_back();
  FillRecord(message, &arena, &record);
  record.topic = TopicOf(lane);
}

Status KafkaSource::Take(rd_kafka_message_t* message) {
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) return TakeError(message);
  Lane* lane = LaneOf(message);
  // A partition that went, or a message from before the place that was asked for.
  if (lane == nullptr || message->offset < lane->position.offset) return Status::Ok();
  TakeRecord(message, *lane);
  lane->position.offset = message->offset + 1;
  lane->moved = true;
  lane->at_end = false;
  trouble_.clear();
  return Status::Ok();
}

Status KafkaSource::TakeError(const rd_kafka_message_t* message) {
  const std::string topic = message->rkt == nullptr ? "" : rd_kafka_topic_name(message->rkt);
  const std::string place = topic + "/" + std::to_string(message->partition);
  switch (message->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      if (Lane* lane = LaneOf(message)) {
        // Behind what transactions left at the end there may be no record at all.
        lane->position.offset = std::max(lane->position.offset, message->offset);
        lane->at_end = true;
        lane->end = std::max(lane->end, message->offset);
        trouble_.clear();
      }
      return Status::Ok();
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      // Opening the lanes again finds out what was lost and what the policy says.
      return Status::Io(name_ + ": the offset wanted of " + place + " is gone",
                        RetryClass::kAfterRefresh);
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      trouble_ = name_ + ": topic " + (topic.empty() ? options_.topics[0] : topic) +
                 " is not at the brokers";
      return Status::Ok();
    default: break;
  }
  const char* detail = rd_kafka_message_errstr(message);
  const Status status = StatusOf(message->err, detail == nullptr ? "" : detail, name_);
  if (status.retry() == RetryClass::kNo || message->err == RD_KAFKA_RESP_ERR__FATAL ||
      message->err == RD_KAFKA_RESP_ERR__BAD_MSG) {
    return status;
  }
  trouble_ = status.message();
  return Status::Ok();
}

bool KafkaSource::IsFull(const BatchLimits& limits) const {
  return batch_.batch.records.size() >= limits.max_records || BatchBytes() >= limits.max_bytes;
}

Status KafkaSource::Collect(const BatchLimits& limits) {
  Clock& clock = Clock::System();
  const int64_t until = clock.MonotonicMicros() + limits.max_wait_micros;
  std::array<rd_kafka_message_t*, kMessagesAtOnce> messages;
  while (!IsFull(limits)) {
    const int64_t left_ms = (until - clock.MonotonicMicros()) / 1000;
    const int64_t wait_ms = std::clamp<int64_t>(left_ms, 0, kLongestWaitMs);
    const size_t room =
        std::min<uint64_t>(messages.size(), limits.max_records - batch_.batch.records.size());
    const ssize_t count =
        rd_kafka_consume_batch_queue(queue_, static_cast<int>(wait_ms), messages.data(), room);
    // What a callback met comes first: messages behind it may be about places never agreed on.
    Status status = failure_;
    for (ssize_t i = 0; i < count; ++i) {
      if (status.ok()) status = Take(messages[static_cast<size_t>(i)]);
      rd_kafka_message_destroy(messages[static_cast<size_t>(i)]);
    }
    TARN_RETURN_IF_ERROR(status);
    TARN_RETURN_IF_ERROR(failure_);
    if (rebalanced_ || stop_.stop_requested() || clock.MonotonicMicros() >= until) break;
  }
  return Status::Ok();
}

// Ids only ever change forward: what was fetched before an answer with the known id is of that id.
Status KafkaSource::CheckTopicIds() {
  std::set<std::string> names;
  for (const auto& [at, lane] : lanes_) {
    if (lane.moved && !lane.position.topic_id.empty()) names.insert(at.first);
  }
  if (names.empty()) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(
      const auto topics,
      DescribeTopics(client_, std::vector<std::string>(names.begin(), names.end()),
                     options_.request_timeout_ms));
  for (const auto& [at, lane] : lanes_) {
    if (!lane.moved || lane.position.topic_id.empty()) continue;
    const auto now = topics.find(at.first);
    if (now == topics.end()) {
      return Status::Io(name_ + ": topic " + at.first + " is not at the brokers any more",
                        RetryClass::kBackoff);
    }
    if (!now->second.id.empty() && now->second.id != lane.position.topic_id) {
      return Status::Io(name_ + ": topic " + at.first + " was made anew",
                        RetryClass::kAfterRefresh);
    }
  }
  return Status::Ok();
}

void KafkaSource::RefreshEnds() {
  for (auto& [at, lane] : lanes_) {
    int64_t low = -1, high = -1;
    if (rd_kafka_get_watermark_offsets(client_, at.first.c_str(), at.second, &low, &high) ==
            RD_KAFKA_RESP_ERR_NO_ERROR &&
        high >= 0) {
      lane.end = std::max(lane.end, high);
    }
  }
}

LiveBatch KafkaSource::Close() {
  LiveBatch out = std::move(batch_);
  batch_ = LiveBatch();
  out.caught_up = !lanes_.empty();
  for (auto& [at, lane] : lanes_) {
    lane.topic = {};
    out.caught_up = out.caught_up && lane.at_end;
    if (!lane.moved) continue;
    lane.moved = false;
    out.lanes.push_back({{lane.stream_id, at.first, false},
                         at.second,
                         ToPosition(lane.position),
                         lane.position.topic_id});
  }
  RefreshEnds();
  return out;
}

Result<LiveBatch> KafkaSource::Poll(const BatchLimits& limits) {
  TARN_CHECK(client_ != nullptr);
  rebalanced_ = false;
  TARN_RETURN_IF_ERROR(Collect(limits));
  TARN_RETURN_IF_ERROR(CheckTopicIds());
  return Close();
}

void KafkaSource::Acknowledge(const std::vector<LaneMove>& lanes) {
  if (client_ == nullptr || lanes.empty()) return;
  const PartitionListPtr list(rd_kafka_topic_partition_list_new(static_cast<int>(lanes.size())));
  for (const LaneMove& lane : lanes) {
    const auto position = FromPosition(lane.position);
    if (!position.ok()) continue;
    rd_kafka_topic_partition_list_add(list.get(), position->topic.c_str(), position->partition)
        ->offset = position->offset;
  }
  (void)rd_kafka_commit(client_, list.get(), /*async=*/1);
}

std::vector<LaneStatus> KafkaSource::Lanes() const {
  std::vector<LaneStatus> out;
  for (const auto& [at, lane] : lanes_) {
    out.push_back({{lane.stream_id, at.first, false},
                   at.second,
                   lane.position.offset,
                   std::max(lane.end, lane.at_end ? lane.position.offset : lane.end)});
  }
  return out;
}

void KafkaSource::Stop() {
  if (client_ == nullptr) return;
  Clock& clock = Clock::System();
  const int64_t until = clock.MonotonicMicros() + kCloseTimeoutMs * 1000;
  {
    const QueuePtr closing(rd_kafka_queue_new(client_));
    const ErrorPtr refused(rd_kafka_consumer_close_queue(client_, closing.get()));
    while (!refused && !rd_kafka_consumer_closed(client_) && clock.MonotonicMicros() < until) {
      if (rd_kafka_event_t* event = rd_kafka_queue_poll(closing.get(), 50)) {
        // With a queue of our own the callback is not called for us.
        if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE) {
          auto* partitions = rd_kafka_event_topic_partition_list(event);
          Rebalance(rd_kafka_event_error(event), partitions);
        }
        rd_kafka_event_destroy(event);
      }
    }
  }
  lanes_.clear();
  last_lane_ = nullptr;
  rd_kafka_queue_destroy(queue_);
  queue_ = nullptr;
  rd_kafka_destroy_flags(client_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  client_ = nullptr;
}

}  // namespace

Result<std::unique_ptr<LiveSource>> MakeKafkaSource(KafkaOptions options) {
  TARN_RETURN_IF_ERROR(CheckKafkaOptions(options));
  return std::unique_ptr<LiveSource>(std::make_unique<KafkaSource>(std::move(options)));
}

}  // namespace tarn::sources::kafka
