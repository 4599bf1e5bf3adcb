// kind: kafka
#include "app/registry_judge.h"
#include "app/registry_text.h"
#include "app/schema_table.h"
#include "app/stream_config.h"
#include "base/random.h"
#include "ingest/contract_watch.h"
#include "ingest/engine_live_targets.h"
#include "ingest/live_ingestor.h"
#include "sources/kafka/kafka_source.h"

namespace tarn::app {
namespace {

operate::StreamStatus ToStatus(const ingest::LiveReport& report) {
  operate::StreamStatus out;
  out.rows = report.rows;
  out.bytes = report.bytes;
  out.dead_letters = report.dead_letters;
  out.commits = report.commits;
  out.commit_micros = report.commits == 0 ? -1 : report.commit_micros;
  out.batch_lag_micros = report.rows == 0 ? -1 : report.batch_lag_micros;
  out.last_commit_micros = report.last_commit_micros;
  out.last_progress_micros = report.last_progress_micros;
  out.error = report.trouble;
  if (!report.lanes.empty()) out.lag_records = 0;
  for (const auto& lane : report.lanes) {
    if (lane.end > lane.next) out.lag_records += lane.end - lane.next;
    out.parts.push_back(lane.lane.topic + "/" + std::to_string(lane.partition) + " at " +
                        std::to_string(lane.next) + " of " + std::to_string(lane.end));
  }
  return out;
}

class KafkaStream final : public StreamConfig {
 public:
  OptionSet Options() override;
  Status Check() override {
    source_.stream = name;
    return sources::kafka::CheckKafkaOptions(source_);
  }
  Result<operate::StreamJob> MakeJob(StreamContext& context) override;

 private:
  Status Run(StreamContext& context, std::stop_token stop, const operate::ReportTo& report) const;

  sources::kafka::KafkaOptions source_;
  ingest::BronzeTables tables_{"", "bronze.dead_letters", "kafka", "", true};
  ingest::LiveOptions live_;
  registry::RegistryOptions registry_;  // no url: none
  RegistryRules rules_;
};

template <typename T, typename Parse>
std::function<Status(const std::string&)> Into(T* into, Parse parse) {
  return [into, parse](const std::string& text) -> Status {
    TARN_ASSIGN_OR_RETURN(*into, parse(text));
    return Status::Ok();
  };
}

OptionSet KafkaStream::Options() {
  using namespace sources::kafka;
  OptionSet options("Kafka topics into a Bronze table, every record once.");
  options.Text("brokers", &source_.brokers, "host:port, several with commas").Required();
  options.List("topics", &source_.topics, "names, or patterns that begin with ^").Required();
  options.Text("into", &tables_.rows, "the table; {topic} in it makes one for each topic")
      .Required();
  options.Text("group", &source_.group, "consumer group (default: tarn-<stream>)");
  options.Numbers("partitions", &source_.partitions, "read these alone, without a group");
  options.Parsed("start", "earliest", Into(&source_.start, ParseStartAt),
                 "where a new stream begins: earliest, latest, a timestamp, or 0:100,1:250");
  options.Parsed("on_lost_offsets", "fail", Into(&source_.on_lost_offsets, ParseOnLostOffsets),
                 "offsets gone at the broker: fail, earliest, latest");
  options.Parsed("on_recreated_topic", "fail",
                 Into(&source_.on_recreated_topic, ParseOnRecreatedTopic),
                 "the topic was made anew: fail, restart");
  options.Parsed("on_restore", "rewind", Into(&live_.on_restore, ingest::ParseOnRestore),
                 "the table was restored to an older version: rewind, keep, fail");
  options.Flag("read_committed", &source_.read_committed,
               "leave out records of open and aborted transactions");
  options.Map("properties", &source_.properties,
              "of librdkafka: security.protocol, sasl.mechanism, sasl.password: env:NAME");
  options.Duration("max_lag", &live_.max_lag_micros, "from the broker to Bronze");
  options.Size("batch_size", &live_.max_batch_bytes, "payload bytes of one commit");
  options.Count("batch_rows", &live_.max_batch_rows, "rows of one commit");
  options.Size("max_record", &source_.max_record_bytes, "a longer record is a dead letter");
  options.Size("buffer", &source_.buffer_bytes, "fetched ahead of the batches");
  OptionSet registry("");
  registry.Text("url", &registry_.url, "http://registry:8081").Required();
  registry.Text("user", &registry_.user, "for basic authentication");
  registry.Secret("password", &registry_.password, "for basic authentication");
  registry.Secret("token", &registry_.token, "bearer token");
  registry.Text("ca_file", &registry_.ca_file, "PEM bundle (default: the system's)");
  registry.Flag("required", &rules_.required, "a record that names no schema is a dead letter");
  registry.Flag("check_subject", &rules_.check_subject, "the schema must be of the subject");
  registry.Flag("check_compatible", &rules_.check_compatible,
                "the schema must be compatible with the subject's latest version");
  registry.Text("subject", &rules_.subject, "of a topic's values");
  options.Section("registry", registry, "schema registry: fills schema_version, refuses records");
  options.Text("source_system", &tables_.source_system, "column source_system");
  options.Text("dead_letters", &tables_.dead_letters, "table for bad records");
  return options;
}

Result<operate::StreamJob> KafkaStream::MakeJob(StreamContext& context) {
  tables_.pipeline_version = context.pipeline_version;
  TARN_RETURN_IF_ERROR(
      ingest::MakeEngineLiveTargets(context.engine, tables_, context.clock).status());
  operate::StreamJob job;
  job.name = name;
  job.kind = kind;
  job.target = tables_.rows;
  job.shared = source_.partitions.empty();  // a group shares its partitions itself
  job.max_lag_micros = live_.max_lag_micros;
  job.run = [this, &context](std::stop_token stop, const operate::ReportTo& report) {
    return Run(context, std::move(stop), report);
  };
  return job;
}

Status KafkaStream::Run(StreamContext& context, std::stop_token stop,
                        const operate::ReportTo& report) const {
  TARN_ASSIGN_OR_RETURN(const auto targets,
                        ingest::MakeEngineLiveTargets(context.engine, tables_, context.clock));
  TARN_ASSIGN_OR_RETURN(const auto source, sources::kafka::MakeKafkaSource(source_));
  ingest::LiveOptions options = live_;
  options.clock = &context.clock;
  options.writer_id = MakeUuid(Random::System());
  registry::RegistryOptions registry_options = registry_;
  registry_options.store = context.store;
  registry::SchemaRegistry registry(registry_options, net::MakeHttpClient({registry_.ca_file, 4}));
  TARN_ASSIGN_OR_RETURN(const auto schemas, SchemaTable::Open(context.engine, registry_.url));
  RegistryJudge judge(registry, rules_, [&](const std::string& id, const registry::Schema& schema) {
    return schemas->Note(id, schema, registry);
  });
  ingest::ContractJudgeOptions judging;
  judging.contracts = context.contracts;
  judging.table_of = [this](std::string_view topic) {
    return ingest::TableOfTopic(tables_.rows, topic);
  };
  judging.clock = &context.clock;
  RegistryText texts(registry);
  if (!registry_.url.empty()) {
    judging.before = &judge;
    judging.payload_text = [&texts](const sources::Record& record, std::string* scratch,
                                    std::string_view* text, std::string* fault) {
      return texts.Read(record, scratch, text, fault);
    };
  }
  TARN_ASSIGN_OR_RETURN(const auto contracts,
                        ingest::ContractWatch::Make(context.engine, std::move(judging)));
  options.judge = contracts->judge();
  options.on_progress = [&](const ingest::LiveReport& said) {
    report(ToStatus(said));
    contracts->Tick();
  };
  ingest::LiveIngestor ingestor(*source, *targets, options);
  ingest::LiveReport said;
  const Status status = ingestor.Run(std::move(stop), &said);
  const Status counted = contracts->Finish();
  return status.ok() ? counted : status;
}

}  // namespace

std::unique_ptr<StreamConfig> MakeKafkaStream() { return std::make_unique<KafkaStream>(); }

}  // namespace tarn::app
