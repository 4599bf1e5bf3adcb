#include "app/model_streams.h"

#include <mutex>
#include <ostream>
#include <thread>

#include "base/random.h"
#include "transform/project/parser.h"
#include "transform/run/compiler.h"
#include "transform/run/streaming.h"

namespace tarn::app {
namespace {

constexpr int64_t kNapMicros = 20'000;
// A batch that is under way when the process is to stop gets this long to end by itself.
constexpr int64_t kLastBatchMicros = 5'000'000;

// What the streams of one project share.
struct SharedProject {
  std::unique_ptr<transform::ParsedProject> project;
  std::ostream nowhere{nullptr};
  std::mutex mutex;
  std::unique_ptr<transform::EventLog> log;
  std::unique_ptr<transform::RunContext> context;

  transform::RunContext& ContextOn(engine::Engine& engine) {
    const std::lock_guard lock(mutex);
    if (!context) {
      transform::RunOptions options;
      options.write_files = false;
      log = std::make_unique<transform::EventLog>(nowhere, transform::EventLog::Options{});
      context = std::make_unique<transform::RunContext>(*project, engine, options, *log);
    }
    return *context;
  }
};

// Interrupts the session when a stop is asked for and not heeded in time.
class LastCall {
 public:
  LastCall(engine::Session& session, std::stop_token stop, Clock& clock)
      : thread_([&session, stop = std::move(stop), &clock](const std::stop_token& own) {
          int64_t left = kLastBatchMicros;
          while (!own.stop_requested()) {
            clock.SleepMicros(kNapMicros);
            if (!stop.stop_requested()) continue;
            left -= kNapMicros;
            if (left <= 0) session.Interrupt();
          }
        }) {}

 private:
  std::jthread thread_;
};

class ModelStream final : public StreamConfig {
 public:
  ModelStream(std::shared_ptr<SharedProject> shared, transform::Node* node)
      : shared_(std::move(shared)), node_(node) {
    name = node->unique_id;
    kind = "model";
  }
  OptionSet Options() override { return OptionSet("A streaming model of the dbt project."); }
  Status Check() override { return Status::Ok(); }

  Result<operate::StreamJob> MakeJob(StreamContext& context) override {
    operate::StreamJob job;
    job.name = name;
    job.kind = kind;
    job.target = node_->schema + "." + node_->alias;
    job.run = [this, &context](std::stop_token stop, const operate::ReportTo& report) {
      const Status status = Run(context, stop, report);
      return stop.stop_requested() && status.code() == StatusCode::kCancelled ? Status::Ok()
                                                                              : status;
    };
    return job;
  }

 private:
  Status Run(StreamContext& context, std::stop_token stop, const operate::ReportTo& report) {
    transform::RunContext& run = shared_->ContextOn(context.engine);
    TARN_ASSIGN_OR_RETURN(const auto warehouse,
                          transform::Warehouse::Open(context.engine, context.session_setup));
    TARN_RETURN_IF_ERROR(warehouse->CreateSchema(node_->schema));
    const LastCall last_call(warehouse->session(), stop, context.clock);
    transform::RunScope scope(run, *node_, *warehouse);
    TARN_RETURN_IF_ERROR(transform::CompileNode(scope));
    TARN_ASSIGN_OR_RETURN(auto model, transform::StreamingModel::Open(scope));
    operate::StreamStatus said;
    while (!stop.stop_requested()) {
      const int64_t began = context.clock.MonotonicMicros();
      TARN_ASSIGN_OR_RETURN(const transform::StreamingStep step, model.Step());
      for (const std::string& note : step.notes) {
        context.log.Warning("streaming model", {{"stream", name}, {"note", note}});
      }
      Tell(model, step, context.clock, context.clock.MonotonicMicros() - began, &said);
      report(said);
      if (step.more) continue;
      int64_t left = model.config().poll_micros;
      for (; left > 0 && !stop.stop_requested(); left -= kNapMicros) {
        context.clock.SleepMicros(std::min(left, kNapMicros));
      }
    }
    return Status::Ok();
  }

  static void Tell(const transform::StreamingModel& model, const transform::StreamingStep& step,
                   Clock& clock, int64_t took_micros, operate::StreamStatus* said) {
    const int64_t now = clock.NowMicros();
    said->last_progress_micros = now;
    said->parts.clear();
    for (const auto& [table, newest] : step.newest) {
      const auto at = model.state().upstreams.find(table);
      const int64_t next = at == model.state().upstreams.end() ? 0 : at->second.next.version;
      said->parts.push_back(table + " at version " +
                            std::to_string(std::max<int64_t>(next - 1, 0)) + " of " +
                            std::to_string(newest));
    }
    if (!step.committed) return;
    said->rows += static_cast<uint64_t>(step.figures.rows);
    said->bytes += step.bytes;
    said->last_commit_micros = now;
    ++said->commits;
    said->commit_micros =
        said->commit_micros < 0 ? took_micros : (said->commit_micros * 4 + took_micros) / 5;
    if (step.figures.max_event_micros) {
      said->batch_lag_micros = std::max<int64_t>(now - *step.figures.max_event_micros, 0);
    }
  }

  std::shared_ptr<SharedProject> shared_;
  transform::Node* node_;
};

}  // namespace

Result<std::vector<std::unique_ptr<StreamConfig>>> ReadModelStreams(const DbtFolder& dbt) {
  transform::ParseOptions parse;
  parse.project_dir = dbt.folder;
  parse.target.target = dbt.target;
  parse.target.lake = dbt.lake;
  parse.invocation.command = "run";
  parse.invocation.invocation_id = MakeUuid(Random::System());
  parse.invocation.started_at_micros = Clock::System().NowMicros();
  parse.invocation.flags = transform::Json{{"WHICH", "run"}, {"FULL_REFRESH", false}};
  auto shared = std::make_shared<SharedProject>();
  TARN_ASSIGN_OR_RETURN(shared->project, transform::ParseProject(parse));
  std::vector<std::unique_ptr<StreamConfig>> streams;
  for (transform::Node& node : shared->project->manifest.nodes) {
    if (node.type != transform::ResourceType::kModel || node.Materialized() != "streaming") {
      continue;
    }
    TARN_RETURN_IF_ERROR(transform::ReadStreamingConfig(node).status());
    streams.push_back(std::make_unique<ModelStream>(shared, &node));
  }
  return streams;
}

}  // namespace tarn::app
