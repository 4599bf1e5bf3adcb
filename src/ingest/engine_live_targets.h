// LiveTargets over the lake's tables: one table for all topics, or one for each.
//
// Threads: one user at a time. The engine outlives it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "engine/engine.h"
#include "ingest/engine_bronze_writer.h"
#include "ingest/live_ingestor.h"

namespace tarn::ingest {

// The table of a topic: `pattern` itself, or with {topic} in it replaced as below.
std::string TableOfTopic(std::string pattern, std::string_view topic);

// `tables.rows` may contain "{topic}": "bronze.{topic}" gives each topic its own table, in which
// every character that is no letter, digit or '_' became '_'. Tables are made when their first
// partition is opened. kInvalidArgument as MakeEngineBronzeWriter.
Result<std::unique_ptr<LiveTargets>> MakeEngineLiveTargets(engine::Engine& engine,
                                                           BronzeTables tables, Clock& clock);

}  // namespace tarn::ingest
