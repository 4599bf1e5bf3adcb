// EngineBronzeWriter: BronzeWriter over two Delta tables of a lake.
//
// Both tables are made on first use with delta.appendOnly and 365 days of log, partitioned by
// source_system and ingestion_date. The epoch is the version of the Delta `txn` action with appId
// "tarn/<stream id>", the state the `domainMetadata` "tarn.position.<stream id>" of the same
// commit; facts are domains "tarn.<name>".
//
// Columns of Bronze: raw_payload, source_system, source_topic, source_partition, source_offset,
// record_key, event_timestamp, ingestion_timestamp, ingestion_date (UTC), pipeline_version,
// schema_version, checksum (MD5 of raw_payload, hex); a tombstone has neither payload nor checksum.
// Columns of the dead letters: see
// kLetterColumns in the .cc. Tables that lack columns which came later get them.
//
// Threads: one user at a time. The engine must outlive it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/engine.h"
#include "ingest/live_bronze_writer.h"

namespace tarn::ingest {

struct BronzeTables {
  std::string rows;          // "bronze.retail"
  std::string dead_letters;  // "bronze.dead_letters"
  std::string source_system;
  std::string pipeline_version;
  // Bronze also has `headers` ARRAY<STRUCT<key STRING, value BINARY>>; added to a table that lacks
  // it.
  bool with_headers = false;
};

// kInvalidArgument unless both names read schema.table and differ.
Result<std::unique_ptr<LiveBronzeWriter>> MakeEngineBronzeWriter(engine::Engine& engine,
                                                                 BronzeTables tables, Clock& clock);

}  // namespace tarn::ingest
