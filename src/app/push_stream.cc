// kind: push
#include "app/stream_config.h"
#include "base/random.h"
#include "base/reference.h"
#include "ingest/contract_watch.h"
#include "ingest/engine_bronze_writer.h"
#include "ingest/push_ingestor.h"
#include "sources/push/push_door.h"

namespace tarn::app {
namespace {

namespace push = sources::push;

constexpr const char* kRoot = "/v1/streams/";
constexpr uint64_t kLargestBody = 16ull << 20;  // of net::HttpServerOptions

operate::StreamStatus ToStatus(const ingest::PushReport& report) {
  operate::StreamStatus out;
  out.rows = report.rows;
  out.bytes = report.bytes;
  out.dead_letters = report.dead_letters;
  out.commits = report.commits;
  out.lag_records = 0;  // what came is committed before it is answered
  out.commit_micros = report.commits == 0 ? -1 : report.commit_micros;
  out.batch_lag_micros = report.requests == 0 ? -1 : report.wait_micros;
  out.last_commit_micros = report.last_commit_micros;
  out.last_progress_micros = report.last_progress_micros;
  out.parts.push_back(std::to_string(report.requests) + " requests, " +
                      std::to_string(report.duplicates) + " repeated, " +
                      std::to_string(report.keys) + " keys remembered");
  return out;
}

class PushStream final : public StreamConfig {
 public:
  OptionSet Options() override;
  Status Check() override;
  Result<operate::StreamJob> MakeJob(StreamContext& context) override;

 private:
  Status Run(StreamContext& context, std::stop_token stop, const operate::ReportTo& report);

  ingest::BronzeTables tables_{"", "bronze.dead_letters", "push", "", true};
  push::DoorOptions door_options_;
  push::AuthOptions auth_;
  OptionSet::Texts token_keys_;  // "<id>=<reference>"
  uint64_t max_keys_ = 1'000'000;
  int64_t key_window_micros_ = 3'600'000'000;
  uint64_t max_waiting_bytes_ = 128ull << 20;
  std::unique_ptr<push::PushDoor> door_;
};

OptionSet PushStream::Options() {
  OptionSet stripe("Signatures of Stripe's webhooks.");
  stripe.Secret("secret", &auth_.stripe_secret, "signing secret, by reference").Required();
  OptionSet hubspot("Signatures (v3) of HubSpot's webhooks.");
  hubspot.Secret("secret", &auth_.hubspot_secret, "client secret, by reference").Required();
  hubspot.Text("url", &auth_.hubspot_url, "the address HubSpot calls, as it knows it").Required();

  OptionSet options("POST /v1/streams/<stream>: records sent here, every request once.");
  options.Text("into", &tables_.rows, "the table").Required();
  options.Secret("token", &auth_.token, "bearer token, by reference");
  options.List("tokens", &auth_.tokens, "digests of bearer tokens, <key id>:<hex>");
  options.List("token_keys", &token_keys_, "keys of the digests, <key id>=env:NAME");
  options.Flag("anonymous", &auth_.anonymous, "anybody who reaches the port may send");
  options.Section("stripe", std::move(stripe), "signatures of Stripe's webhooks");
  options.Section("hubspot", std::move(hubspot), "signatures of HubSpot's webhooks");
  options.Duration("signature_tolerance", &auth_.tolerance_micros, "how old a signature may be");
  options.Text("idempotency_field", &door_options_.idempotency_field,
               "field of a single record that is its key when no header has one");
  options.Duration("idempotency_window", &key_window_micros_, "how long keys are remembered");
  options.Count("idempotency_keys", &max_keys_, "keys remembered at most");
  options.Parsed(
      "on_bad_record", "dead_letter",
      [this](const std::string& text) {
        door_options_.all_or_none = text == "refuse";
        return text == "refuse" || text == "dead_letter"
                   ? Status::Ok()
                   : Status::InvalidArgument("'" + text + "' is to be dead_letter or refuse");
      },
      "dead_letter: the others are taken; refuse: none of the request is (422)");
  options.List("headers", &door_options_.body.keep_headers,
               "request headers kept with each record");
  options.Size("max_body", &door_options_.max_body_bytes, "of a request as sent");
  options.Size("max_inflated", &door_options_.body.max_inflated_bytes, "of a decompressed body");
  options.Size("max_record", &door_options_.body.max_record_bytes, "a longer one is a dead letter");
  options.Size("bytes_per_second", &door_options_.limits.bytes_per_second, "0: no limit");
  options.Count("records_per_second", &door_options_.limits.records_per_second,
                "default: no limit");
  options.Count("max_in_flight", &door_options_.limits.max_in_flight, "requests under way");
  options.Size("max_waiting", &max_waiting_bytes_, "bodies that wait for a commit");
  options.Text("source_system", &tables_.source_system, "column source_system");
  options.Text("dead_letters", &tables_.dead_letters, "table for bad records");
  return options;
}

Status PushStream::Check() {
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-' || c == '.';
    if (!plain) {
      return Status::InvalidArgument("stream: '" + name +
                                     "' is part of an address; use letters, digits, - _ .");
    }
  }
  for (const std::string& entry : token_keys_) {
    const size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return Status::InvalidArgument("token_keys: an entry is no <key id>=env:NAME");
    }
    const std::string id = entry.substr(0, equals);
    const auto key = ResolveReference(entry.substr(equals + 1), /*reference_only=*/true);
    if (!key.ok()) return key.status().WithContext("token_keys: " + id);
    auth_.keys[id] = *key;
  }
  if (door_options_.max_body_bytes > kLargestBody) {
    return Status::InvalidArgument("max_body: at most 16MiB reach a stream in one request");
  }
  for (std::string& header : door_options_.body.keep_headers) {
    for (char& c : header) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    if (header == "authorization") {
      return Status::InvalidArgument("headers: authorization is a secret and not kept");
    }
  }
  door_options_.stream = name;
  return push::PushAuth::Make(auth_).status();
}

Result<operate::StreamJob> PushStream::MakeJob(StreamContext& context) {
  tables_.pipeline_version = context.pipeline_version;
  TARN_RETURN_IF_ERROR(
      ingest::MakeEngineBronzeWriter(context.engine, tables_, context.clock).status());
  TARN_ASSIGN_OR_RETURN(auto auth, push::PushAuth::Make(auth_));
  door_ = std::make_unique<push::PushDoor>(door_options_, std::move(auth), context.clock);
  context.routes.Add(kRoot, [](const net::ServerRequest& request, const net::Responder& respond) {
    respond(push::PushDoor::Problem(
        {404, "stream.unknown", "no stream is at " + request.path + " of this process"}));
  });
  context.routes.Add(kRoot + name, [this](net::ServerRequest request, net::Responder respond) {
    door_->Handle(std::move(request), std::move(respond));
  });
  operate::StreamJob job;
  job.name = name;
  job.kind = kind;
  job.target = tables_.rows;
  job.shared = true;  // any process takes requests; commits are compare-and-set
  job.run = [this, &context](std::stop_token stop, const operate::ReportTo& report) {
    return Run(context, std::move(stop), report);
  };
  return job;
}

Status PushStream::Run(StreamContext& context, std::stop_token stop,
                       const operate::ReportTo& report) {
  TARN_ASSIGN_OR_RETURN(const auto writer,
                        ingest::MakeEngineBronzeWriter(context.engine, tables_, context.clock));
  TARN_RETURN_IF_ERROR(writer->Prepare());
  ingest::PushIngestOptions options;
  options.stream = name;
  options.writer_id = MakeUuid(Random::System());
  options.key_window_micros = key_window_micros_;
  options.max_keys = max_keys_;
  options.max_waiting_bytes = max_waiting_bytes_;
  options.clock = &context.clock;
  ingest::ContractJudgeOptions judging;
  judging.contracts = context.contracts;
  judging.table_of = [this](std::string_view) { return tables_.rows; };
  judging.clock = &context.clock;
  TARN_ASSIGN_OR_RETURN(const auto contracts,
                        ingest::ContractWatch::Make(context.engine, std::move(judging)));
  options.judge = contracts->judge();
  options.on_progress = [&](const ingest::PushReport& said) {
    report(ToStatus(said));
    contracts->Tick();
  };
  ingest::PushIngestor ingestor(*writer, options);
  ingest::PushReport said;
  door_->Open(&ingestor);
  const Status status = ingestor.Run(std::move(stop), &said);
  door_->Close();
  const Status counted = contracts->Finish();
  return status.ok() ? counted : status;
}

}  // namespace

std::unique_ptr<StreamConfig> MakePushStream() { return std::make_unique<PushStream>(); }

}  // namespace tarn::app
