#include "cli/kafka_command.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "base/reference.h"
#include "cli/lake_options.h"
#include "cli/stop_signal.h"
#include "cli/version.h"
#include "govern/contract_yaml.h"
#include "ingest/contract_watch.h"
#include "ingest/engine_live_targets.h"
#include "ingest/live_ingestor.h"
#include "sources/kafka/kafka_source.h"

namespace tarn::cli {
namespace {

struct KafkaArguments {
  LakeOptions lake;
  sources::kafka::KafkaOptions source;
  ingest::BronzeTables tables;
  ingest::LiveOptions live;
  std::string start = "earliest", on_lost = "fail", on_recreated = "fail", on_restore = "rewind";
  std::string max_lag = "1s", batch_size, max_record, buffer;
  std::vector<std::string> properties;
  std::string contracts;
  bool read_uncommitted = false;
  std::string format = "table";
  bool no_progress = false;
};

Status ReadProperties(KafkaArguments& arguments) {
  for (const std::string& property : arguments.properties) {
    const size_t equals = property.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return Status::InvalidArgument("'" + property + "' is no property; write name=value");
    }
    const std::string name = property.substr(0, equals);
    const bool secret = name.find("password") != std::string::npos ||
                        name.find("secret") != std::string::npos ||
                        name.find("key.pem") != std::string::npos;
    const auto value = ResolveReference(property.substr(equals + 1), secret);
    if (!value.ok()) return value.status().WithContext(name);
    arguments.source.properties[name] = *value;
  }
  return Status::Ok();
}

Status ReadSize(const std::string& text, uint64_t* out) {
  if (text.empty()) return Status::Ok();
  TARN_ASSIGN_OR_RETURN(*out, ParseByteSize(text));
  return Status::Ok();
}

Status ReadOptions(KafkaArguments& arguments, engine::EngineOptions* engine_options) {
  auto& source = arguments.source;
  engine_options->create_lake = true;
  TARN_RETURN_IF_ERROR(ReadLakeOptions(arguments.lake, engine_options));
  TARN_ASSIGN_OR_RETURN(source.start, sources::kafka::ParseStartAt(arguments.start));
  TARN_ASSIGN_OR_RETURN(source.on_lost_offsets,
                        sources::kafka::ParseOnLostOffsets(arguments.on_lost));
  TARN_ASSIGN_OR_RETURN(source.on_recreated_topic,
                        sources::kafka::ParseOnRecreatedTopic(arguments.on_recreated));
  TARN_ASSIGN_OR_RETURN(arguments.live.on_restore, ingest::ParseOnRestore(arguments.on_restore));
  TARN_ASSIGN_OR_RETURN(arguments.live.max_lag_micros, ParseDurationMicros(arguments.max_lag));
  TARN_RETURN_IF_ERROR(ReadSize(arguments.batch_size, &arguments.live.max_batch_bytes));
  TARN_RETURN_IF_ERROR(ReadSize(arguments.max_record, &source.max_record_bytes));
  TARN_RETURN_IF_ERROR(ReadSize(arguments.buffer, &source.buffer_bytes));
  TARN_RETURN_IF_ERROR(ReadProperties(arguments));
  source.read_committed = !arguments.read_uncommitted;
  if (source.stream.empty()) {
    const size_t dot = arguments.tables.rows.find('.');
    source.stream = arguments.tables.rows.substr(dot == std::string::npos ? 0 : dot + 1);
  }
  return sources::kafka::CheckKafkaOptions(source);
}

int64_t LagOf(const ingest::LiveReport& report) {
  int64_t lag = 0;
  for (const auto& lane : report.lanes) {
    if (lane.end > lane.next) lag += lane.end - lane.next;
  }
  return lag;
}

void Print(const ingest::LiveReport& report, const std::string& format, Streams& streams) {
  if (format == "json") {
    nlohmann::ordered_json json = {{"rows", report.rows},
                                   {"bytes", report.bytes},
                                   {"dead_letters", report.dead_letters},
                                   {"commits", report.commits},
                                   {"partitions", report.lanes.size()},
                                   {"rewinds", report.rewinds},
                                   {"restores", report.restores},
                                   {"lag", LagOf(report)}};
    streams.out << json.dump() << "\n";
    return;
  }
  streams.out << report.rows << " rows, " << report.dead_letters << " dead letters, "
              << report.commits << " commits\n";
}

Result<std::unique_ptr<ingest::ContractWatch>> MakeContracts(const KafkaArguments& arguments,
                                                             engine::Engine& engine) {
  ingest::ContractJudgeOptions judging;
  if (!arguments.contracts.empty()) {
    TARN_ASSIGN_OR_RETURN(judging.contracts, govern::LoadContracts(arguments.contracts));
  }
  judging.table_of = [pattern = arguments.tables.rows](std::string_view topic) {
    return ingest::TableOfTopic(pattern, topic);
  };
  judging.clock = arguments.live.clock;
  return ingest::ContractWatch::Make(engine, std::move(judging));
}

int RunKafka(KafkaArguments& arguments, Streams& streams) {
  engine::EngineOptions engine_options;
  if (Status read = ReadOptions(arguments, &engine_options); !read.ok()) {
    return ReportUsage(streams, read);
  }
  auto engine = engine::Engine::Open(engine_options);
  if (!engine.ok()) return ReportError(streams, engine.status());
  arguments.tables.pipeline_version = std::string("tarn-") + kTarnVersion;
  arguments.tables.with_headers = true;
  auto targets = ingest::MakeEngineLiveTargets(**engine, arguments.tables, *arguments.live.clock);
  if (!targets.ok()) return ReportUsage(streams, targets.status());
  auto source = sources::kafka::MakeKafkaSource(arguments.source);
  if (!source.ok()) return ReportUsage(streams, source.status());

  SignalStop stop;
  const bool bar = !arguments.no_progress && streams.err_is_terminal;
  int64_t told = 0;
  std::string trouble;
  auto contracts = MakeContracts(arguments, **engine);
  if (!contracts.ok()) return ReportUsage(streams, contracts.status());
  arguments.live.judge = (*contracts)->judge();
  arguments.live.writer_id = MakeUuid(Random::System());
  arguments.live.on_progress = [&](const ingest::LiveReport& report) {
    if (report.trouble != trouble) {
      trouble = report.trouble;
      if (!trouble.empty()) streams.err << (bar ? "\r\x1b[K" : "") << "tarn: " << trouble << "\n";
    }
    (*contracts)->Tick();
    const int64_t now = arguments.live.clock->MonotonicMicros();
    if (!bar || now - told < 200'000) return;
    told = now;
    streams.err << "\r\x1b[K" << report.rows << " rows, " << LagOf(report) << " behind, "
                << report.lanes.size() << " partitions, " << report.commits << " commits"
                << std::flush;
  };
  ingest::LiveReport report;
  ingest::LiveIngestor ingestor(**source, **targets, arguments.live);
  Status status = ingestor.Run(stop.token(), &report);
  if (const Status counted = (*contracts)->Finish(); status.ok()) status = counted;
  if (bar) streams.err << "\r\x1b[K" << std::flush;
  if (!status.ok()) return ReportError(streams, status);
  Print(report, arguments.format, streams);
  // Being told to stop is how a stream ends; for --until-end it means that work was left.
  return arguments.live.until_caught_up && !report.caught_up ? kExitCancelled : kExitOk;
}

void AddSourceOptions(CLI::App& command, KafkaArguments& arguments) {
  auto& source = arguments.source;
  command.add_option("topics", source.topics, "topics, or patterns that begin with ^")
      ->required()
      ->type_name("TOPIC|^PATTERN");
  command.add_option("--brokers", source.brokers, "host:port, several with commas")
      ->required()
      ->type_name("HOST:PORT");
  command.add_option("--stream", source.stream,
                     "the stream's name, for ever (default: the table's name)");
  command.add_option("--group", source.group, "consumer group (default: tarn-<stream>)");
  command
      .add_option("--partitions", source.partitions, "read these partitions alone, without a group")
      ->delimiter(',');
  command
      .add_option("--start", arguments.start,
                  "where a new stream begins: earliest, latest, a timestamp, or 0:100,1:250")
      ->capture_default_str();
  command
      .add_option("--on-lost-offsets", arguments.on_lost,
                  "offsets gone at the broker: fail, earliest, latest")
      ->capture_default_str();
  command
      .add_option("--on-recreated-topic", arguments.on_recreated,
                  "the topic was made anew: fail, restart")
      ->capture_default_str();
  command.add_flag("--read-uncommitted", arguments.read_uncommitted,
                   "records of open and aborted transactions too");
  command
      .add_option("-X,--property", arguments.properties,
                  "of librdkafka: sasl.username=…, sasl.password=env:NAME")
      ->type_name("NAME=VALUE");
  command.add_option("--buffer", arguments.buffer, "bytes fetched ahead (default: 32MB)");
}

}  // namespace

void RegisterIngestKafka(CLI::App& ingest, Invocation& invocation) {
  auto* command = ingest.add_subcommand("kafka", "take Kafka topics into a Bronze table");
  auto arguments = std::make_shared<KafkaArguments>();
  arguments->tables.dead_letters = "bronze.dead_letters";
  arguments->tables.source_system = "kafka";
  AddSourceOptions(*command, *arguments);
  command
      ->add_option("--into", arguments->tables.rows,
                   "the table, e.g. bronze.orders, or bronze.{topic} for one each")
      ->required()
      ->type_name("SCHEMA.TABLE");
  command->add_option("--dead-letters", arguments->tables.dead_letters, "table for bad records")
      ->capture_default_str();
  command->add_option("--source-system", arguments->tables.source_system, "column source_system")
      ->capture_default_str();
  command->add_option("--max-lag", arguments->max_lag, "from the broker to Bronze, e.g. 1s, 15min")
      ->capture_default_str();
  command->add_option("--batch-size", arguments->batch_size, "bytes of one commit (default: 64MB)");
  command->add_option("--batch-rows", arguments->live.max_batch_rows, "rows of one commit")
      ->capture_default_str();
  command->add_option("--max-record", arguments->max_record,
                      "a longer record is a dead letter (default: 64MB)");
  command
      ->add_option("--on-restore", arguments->on_restore,
                   "the table was restored to an older version: rewind, keep, fail")
      ->capture_default_str();
  command->add_option("--contracts", arguments->contracts,
                      "a file or folder; those that name the table judge every record");
  command->add_flag("--until-end", arguments->live.until_caught_up,
                    "end when everything that is there was read");
  command->add_option("--format", arguments->format, "of the report: table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  command->add_flag("--no-progress", arguments->no_progress, "no progress line");
  AddLakeOptions(*command, arguments->lake);
  command->footer(
      std::string("Runs until Ctrl-C, or with --until-end until all is read. Every record is "
                  "written once: the position is\nin the table, not in the group.\n") +
      kExitCodesHelp);
  command->callback([&invocation, arguments] {
    invocation.run = [&invocation, arguments] { return RunKafka(*arguments, invocation.streams); };
  });
}

}  // namespace tarn::cli
