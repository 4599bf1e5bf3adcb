// ParquetRows: the rows of a Parquet file as JSON objects, read through the engine
// (files::TableRows).
//
// Each row is one object with the columns in file order and no white space: integers and decimals
// as bare digits, strings, dates, times and timestamps quoted, binary as the engine writes it,
// nested values as JSON, NaN and infinities as strings. The same file gives the same text at every
// reading.
//
// Threads: as TableRows; one thread of its own runs the query and keeps at most two pulls ahead.
// The engine must outlive it. Errors: kCorruption for a damaged file, naming it.
#pragma once

#include "engine/engine.h"
#include "sources/files/file_source.h"

namespace tarn::ingest {

// The opener to give to files::MakeFileSource.
sources::files::OpenTableRows ParquetOpener(engine::Engine& engine);

}  // namespace tarn::ingest
