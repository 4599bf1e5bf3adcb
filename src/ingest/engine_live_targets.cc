#include "ingest/engine_live_targets.h"

#include <map>

namespace tarn::ingest {
namespace {

constexpr std::string_view kTopic = "{topic}";

class EngineLiveTargets final : public LiveTargets {
 public:
  EngineLiveTargets(engine::Engine& engine, BronzeTables tables, Clock& clock)
      : engine_(engine), tables_(std::move(tables)), clock_(clock) {}

  Result<LiveBronzeWriter*> For(const std::string& topic) override {
    const std::string name = TableOfTopic(tables_.rows, topic);
    std::unique_ptr<LiveBronzeWriter>& writer = writers_[name];
    if (writer != nullptr) return writer.get();
    BronzeTables tables = tables_;
    tables.rows = name;
    TARN_ASSIGN_OR_RETURN(auto made, MakeEngineBronzeWriter(engine_, std::move(tables), clock_));
    TARN_RETURN_IF_ERROR(made->Prepare());
    writer = std::move(made);
    return writer.get();
  }

 private:
  engine::Engine& engine_;
  BronzeTables tables_;
  Clock& clock_;
  std::map<std::string, std::unique_ptr<LiveBronzeWriter>> writers_;
};

}  // namespace

std::string TableOfTopic(std::string pattern, std::string_view topic) {
  const size_t at = pattern.find(kTopic);
  if (at == std::string::npos) return pattern;
  std::string name(topic);
  for (char& c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain) c = '_';
  }
  return pattern.replace(at, kTopic.size(), name);
}

Result<std::unique_ptr<LiveTargets>> MakeEngineLiveTargets(engine::Engine& engine,
                                                           BronzeTables tables, Clock& clock) {
  BronzeTables probe = tables;
  probe.rows = TableOfTopic(tables.rows, "topic");
  TARN_RETURN_IF_ERROR(MakeEngineBronzeWriter(engine, std::move(probe), clock).status());
  return std::unique_ptr<LiveTargets>(
      std::make_unique<EngineLiveTargets>(engine, std::move(tables), clock));
}

}  // namespace tarn::ingest
