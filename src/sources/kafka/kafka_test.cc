// Decisions about offsets, and the source against librdkafka's mock cluster with faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/clock.h"
#include "sources/kafka/kafka_source.h"
#include "sources/kafka/lane_opening.h"
#include "sources/live_source_contract.h"

namespace tarn::sources::kafka {
namespace {

LaneFacts Facts() {
  LaneFacts facts;
  facts.topic = "t";
  facts.partition = 1;
  facts.topic_id = "life1";
  facts.partitions_now = 2;
  facts.low = 10;
  facts.end = 100;
  return facts;
}

KafkaPosition At(int64_t offset, const std::string& id = "life1") {
  return {"t", id, 1, offset, 2};
}

TEST(OpenLane, StartsWhereTold) {
  KafkaOptions options;
  LaneFacts facts = Facts();
  EXPECT_EQ(OpenLane(facts, options)->position.offset, 10);
  EXPECT_TRUE(OpenLane(facts, options)->is_new);
  options.start = *ParseStartAt("latest");
  EXPECT_EQ(OpenLane(facts, options)->position.offset, 100);
  options.start = *ParseStartAt("0:5,1:42");
  EXPECT_EQ(OpenLane(facts, options)->position.offset, 42);
  options.start = *ParseStartAt("0:5");
  EXPECT_EQ(OpenLane(facts, options)->position.offset, 10);
  options.start = *ParseStartAt("2026-11-23T00:00:00Z");
  EXPECT_EQ(OpenLane(facts, options)->position.offset, 100);
  facts.at_timestamp = 55;
  EXPECT_EQ(OpenLane(facts, options)->position.offset, 55);
}

TEST(OpenLane, PartitionsAddedLaterAreReadFromTheirBeginning) {
  KafkaOptions options;
  options.start = *ParseStartAt("latest");
  LaneFacts facts = Facts();
  facts.initial_partitions = 1;
  EXPECT_EQ(OpenLane(facts, options)->position.offset, 10);
  facts.initial_partitions = 2;
  EXPECT_EQ(OpenLane(facts, options)->position.offset, 100);
}

TEST(OpenLane, GoesOnAtTheCommittedPosition) {
  LaneFacts facts = Facts();
  for (const int64_t offset : {10, 50, 100}) {
    facts.committed = At(offset);
    const auto opening = OpenLane(facts, {});
    ASSERT_TRUE(opening.ok());
    EXPECT_EQ(opening->position.offset, offset);
    EXPECT_FALSE(opening->is_new);
    EXPECT_EQ(opening->loss_rule, "");
  }
}

TEST(OpenLane, LostOffsetsFollowThePolicy) {
  KafkaOptions options;
  LaneFacts facts = Facts();
  facts.committed = At(9);
  const Status refused = OpenLane(facts, options).status();
  EXPECT_EQ(refused.code(), StatusCode::kConstraint);
  EXPECT_THAT(refused.message(), ::testing::HasSubstr("offsets 9 to 9 of t/1"));
  options.on_lost_offsets = OnLostOffsets::kEarliest;
  auto opening = OpenLane(facts, options);
  EXPECT_EQ(opening->position.offset, 10);
  EXPECT_EQ(opening->loss_rule, "kafka.offsets_gone");
  EXPECT_EQ(opening->loss_offset, 9);
  facts.committed = At(101);
  options.on_lost_offsets = OnLostOffsets::kLatest;
  opening = OpenLane(facts, options);
  EXPECT_EQ(opening->position.offset, 100);
  EXPECT_EQ(opening->loss_rule, "kafka.offsets_went_back");
}

TEST(OpenLane, ATopicMadeAnewIsNoticedByItsId) {
  KafkaOptions options;
  options.on_lost_offsets = OnLostOffsets::kEarliest;
  LaneFacts facts = Facts();
  facts.committed = At(50, "life0");
  EXPECT_THAT(OpenLane(facts, options).status().message(), ::testing::HasSubstr("made anew"));
  options.on_recreated_topic = OnRecreatedTopic::kRestart;
  const auto opening = OpenLane(facts, options);
  EXPECT_EQ(opening->position.offset, 10);
  EXPECT_EQ(opening->position.topic_id, "life1");
  EXPECT_EQ(opening->loss_rule, "kafka.topic_recreated");
  facts.committed = At(50, "");  // from a broker without ids
  EXPECT_EQ(OpenLane(facts, options)->position.topic_id, "life1");
  EXPECT_EQ(OpenLane(facts, options)->position.offset, 50);
}

TEST(KafkaOptions, RefusesWhatWouldBreakPromises) {
  KafkaOptions options;
  options.stream = "s";
  options.brokers = "b:1";
  options.topics = {"t"};
  EXPECT_TRUE(CheckKafkaOptions(options).ok());
  options.properties["enable.auto.commit"] = "true";
  EXPECT_THAT(CheckKafkaOptions(options).message(), ::testing::HasSubstr("enable.auto.commit"));
  options.properties = {{"no.such.thing", "1"}};
  auto source = MakeKafkaSource(options);
  ASSERT_TRUE(source.ok());
  LaneMemory memory;
  EXPECT_THAT((*source)->Start(memory, {}).message(), ::testing::HasSubstr("no.such.thing"));
  options.properties.clear();
  options.topics = {"^p"};
  options.partitions = {0};
  EXPECT_FALSE(CheckKafkaOptions(options).ok());
  for (const char* bad : {"", "x", "0", "0:", "0:-1", "0:1,", "-1:1"}) {
    EXPECT_FALSE(ParseStartAt(bad).ok()) << bad;
  }
}

// Two brokers and topic "t" of two partitions with `count` records each.
class MockKafka {
 public:
  explicit MockKafka(int count) {
    char message[256];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "test.mock.num.brokers", "2", message, sizeof(message));
    (void)rd_kafka_conf_set(conf, "log_level", "0", message, sizeof(message));
    client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, message, sizeof(message));
    cluster_ = rd_kafka_handle_mock_cluster(client_);
    rd_kafka_mock_group_initial_rebalance_delay_ms(cluster_, 50);
    rd_kafka_mock_set_controller_id(cluster_, 1);
    (void)rd_kafka_mock_topic_create(cluster_, "t", 2, 2);
    Produce(0, count);
  }
  ~MockKafka() { rd_kafka_destroy(client_); }
  void Produce(int begin, int end) {
    for (int32_t partition = 0; partition < 2; ++partition) {
      for (int i = begin; i < end; ++i) {
        const std::string value = std::to_string(partition) + "." + std::to_string(i);
        (void)rd_kafka_producev(client_, RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_PARTITION(partition),
                                RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
      }
    }
    ASSERT_EQ(rd_kafka_flush(client_, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }
  rd_kafka_mock_cluster_t* cluster() { return cluster_; }

 private:
  rd_kafka_t* client_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

KafkaOptions OptionsFor(const MockKafka& kafka, bool group) {
  KafkaOptions options;
  options.stream = "s";
  options.brokers = kafka.brokers();
  options.topics = {"t"};
  options.request_timeout_ms = 3'000;
  if (!group) options.partitions = {0, 1};
  return options;
}

TEST(KafkaSource, KeepsTheContractOfLiveSources) {
  for (const bool group : {false, true}) {
    MockKafka kafka(300);
    CheckLiveSourceContract([&] { return *MakeKafkaSource(OptionsFor(kafka, group)); }, 600);
  }
}

TEST(KafkaSource, BrokersThatFailNowAndThen) {
  MockKafka kafka(2'000);
  LaneMemory memory;
  auto source = *MakeKafkaSource(OptionsFor(kafka, true));
  for (int i = 0; i < 3; ++i) {
    rd_kafka_mock_push_request_errors(kafka.cluster(), /*Fetch*/ 1, 3,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__TRANSPORT);
    rd_kafka_mock_push_request_errors(kafka.cluster(), /*ListOffsets*/ 2, 2,
                                      RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
                                      RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH);
  }
  ASSERT_TRUE(source->Start(memory, {}).ok());
  EXPECT_EQ(ReadToEnd(*source, memory, 200, 120).size(), 4'000u);
}

TEST(KafkaSource, NoBrokerIsTroubleAndNotAnError) {
  KafkaOptions options;
  options.stream = "s";
  options.brokers = "127.0.0.1:1";
  options.topics = {"t"};
  auto source = *MakeKafkaSource(options);
  LaneMemory memory;
  ASSERT_TRUE(source->Start(memory, {}).ok());
  const int64_t until = Clock::System().MonotonicMicros() + 10'000'000;
  while (source->Trouble().empty() && Clock::System().MonotonicMicros() < until) {
    const auto batch = source->Poll({1 << 20, 100, 50'000});
    ASSERT_TRUE(batch.ok()) << batch.status().ToString();
    EXPECT_TRUE(batch->lanes.empty());
  }
  EXPECT_THAT(source->Trouble(), ::testing::HasSubstr("down"));
}

TEST(KafkaSource, AFailingTargetIsToldAndNothingIsRead) {
  MockKafka kafka(10);
  LaneMemory memory;
  memory.failure = Status::Io("the lake cannot be read", RetryClass::kBackoff);
  auto source = *MakeKafkaSource(OptionsFor(kafka, true));
  ASSERT_TRUE(source->Start(memory, {}).ok());
  Status met;
  for (int i = 0; i < 200 && met.ok(); ++i) {
    const auto batch = source->Poll({1 << 20, 100, 50'000});
    if (!batch.ok()) met = batch.status();
    if (batch.ok()) {
      EXPECT_TRUE(batch->batch.records.empty());
    }
  }
  EXPECT_THAT(met.message(), ::testing::HasSubstr("the lake cannot be read"));
  memory.failure = Status::Ok();
  ASSERT_TRUE(source->Rewind().ok());
  EXPECT_EQ(ReadToEnd(*source, memory, 200, 120).size(), 20u);
}

}  // namespace
}  // namespace tarn::sources::kafka
